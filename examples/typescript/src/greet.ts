export interface Person {
  name: string;
}

export const greet = ({ name }: Person): string => `Hello, ${name}!`;
