// The counter. Edit STEP and save: this module alone is replaced, the number stays.
// `import.meta.hot` is written out each time: the server reads the source to learn what accepts what.
import { caption, format } from "./format.js";

const STEP = 1;

const output = document.querySelector("#count");
const note = document.querySelector("#caption");
const more = document.querySelector("#more");
const less = document.querySelector("#less");

// `data` outlives this module: what one instance leaves there, the next one finds.
let count = import.meta.hot?.data.count ?? 0;

// How numbers are written can be replaced below this module, which then goes on running.
let writing = { caption, format };
import.meta.hot?.accept("./format.js", (fresh) => {
  writing = fresh;
  draw();
});

function draw() {
  output.textContent = writing.format(count);
  note.textContent = writing.caption(STEP);
}

function add(step) {
  count += step;
  draw();
  // A custom event: any Python code with this channel can listen for it and answer.
  import.meta.hot?.send("counter:clicked", { count });
}

const up = () => add(STEP);
const down = () => add(-STEP);
more.addEventListener("click", up);
less.addEventListener("click", down);
draw();

import.meta.hot?.on("counter:set", ({ count: told }) => {
  count = told;
  draw();
});

import.meta.hot?.accept();
import.meta.hot?.dispose((data) => {
  data.count = count;
  more.removeEventListener("click", up);
  less.removeEventListener("click", down);
});
