import { greet, type Person } from "./greet";

const people: Person[] = [{ name: "Ada" }, { name: "Grace" }, { name: "Barbara" }];
let current: number = import.meta.hot?.data.current ?? 0;
let words = greet;

function show(): void {
  document.querySelector<HTMLElement>("#greeting")!.textContent = words(people[current]!);
}

document.querySelector<HTMLButtonElement>("#next")!.onclick = () => {
  current = (current + 1) % people.length;
  show();
};
show();

import.meta.hot?.accept("./greet", (fresh) => {
  words = fresh?.greet ?? words;
  show();
});
import.meta.hot?.accept();
import.meta.hot?.dispose((data) => {
  data.current = current;
});
