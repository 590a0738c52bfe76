// Which books are chosen, and how long they take. Change PAGES_A_DAY and save: the choice stays.
const PAGES_A_DAY = 30;

const list = document.querySelector("#books");
const number = new Intl.NumberFormat("en");

// `data` outlives this module: what one instance leaves there, the next one finds.
const chosen = import.meta.hot?.data.chosen ?? new Set();

const count = (n, word) => `${number.format(n)} ${word}${n === 1 ? "" : "s"}`;

function draw() {
  let pages = 0;
  let books = 0;
  for (const line of list.children) {
    const isChosen = chosen.has(line.dataset.title);
    line.querySelector("button").setAttribute("aria-pressed", isChosen);
    if (isChosen) {
      books += 1;
      pages += Number(line.dataset.pages);
    }
  }
  document.querySelector("#days").textContent = count(Math.ceil(pages / PAGES_A_DAY), "day");
  document.querySelector("#plan").textContent = books
    ? `for ${count(books, "book")}, ${count(pages, "page")}, at ${PAGES_A_DAY} a day`
    : `no book chosen yet; ${PAGES_A_DAY} pages a day`;
}

function choose(event) {
  const title = event.target.closest("li")?.dataset.title;
  if (title === undefined) return;
  if (!chosen.delete(title)) chosen.add(title);
  draw();
}

list.addEventListener("click", choose);
draw();

import.meta.hot?.on("hotchannel:afterRefresh", draw);
import.meta.hot?.accept();
import.meta.hot?.dispose((data) => {
  data.chosen = chosen;
  list.removeEventListener("click", choose);
});
