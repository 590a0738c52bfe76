// How the number is written. `counter.js` accepts this module, so an edit redraws the counter and no more.
const digits = new Intl.NumberFormat("en");

export const format = (count) => digits.format(count).replace("-", "−");

export const caption = (step) => `counting by ${format(step)}`;
