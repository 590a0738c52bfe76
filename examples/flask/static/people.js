// For how many people: the ingredients are the recipe's, times what it takes.
import { write } from "./amounts.js";

const people = document.querySelector("#people");
const fewer = document.querySelector("#fewer");
const more = document.querySelector("#more");

// `data` outlives this module: what one instance leaves there, the next one finds.
let count = import.meta.hot?.data.count ?? Number(people.dataset.serves);

// How amounts are written can be replaced below this module, which then goes on running.
let writing = write;
import.meta.hot?.accept("./amounts.js", (fresh) => {
  writing = fresh.write;
  draw();
});

function draw() {
  people.textContent = count;
  for (const { dataset, firstChild } of document.querySelectorAll(".amount")) {
    firstChild.data = writing((dataset.amount * count) / people.dataset.serves, dataset.unit);
  }
}

function add(number) {
  count = Math.max(1, count + number);
  draw();
}

const up = () => add(1);
const down = () => add(-1);
more.addEventListener("click", up);
fewer.addEventListener("click", down);
draw();

// The page has got the server's new text: amounts for as many as the recipe is written for.
import.meta.hot?.on("hotchannel:afterRefresh", draw);
import.meta.hot?.accept();
import.meta.hot?.dispose((data) => {
  data.count = count;
  more.removeEventListener("click", up);
  fewer.removeEventListener("click", down);
});
