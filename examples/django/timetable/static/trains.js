// Which train is chosen, and how times are written. Change HOURS to 12 and save: the choice stays.
const HOURS = 24;

const list = document.querySelector("#trains");
const note = document.querySelector("#note");

// `data` outlives this module: what one instance leaves there, the next one finds.
let chosen = import.meta.hot?.data.chosen ?? "";

function write(time) {
  const [hour, minute] = time.split(":");
  return HOURS === 24 ? time : `${hour % 12 || 12}:${minute}${hour < 12 ? "am" : "pm"}`;
}

function draw() {
  note.textContent = "Choose the train that you take.";
  for (const line of list.children) {
    const [time, ...place] = line.dataset.train.split(" ");
    const isChosen = line.dataset.train === chosen;
    line.querySelector("button").setAttribute("aria-pressed", isChosen);
    line.querySelector("time").firstChild.data = write(time);
    if (isChosen) {
      const late = line.querySelector(".late").textContent;
      const track = line.querySelector(".track").textContent;
      note.textContent = `You take the ${write(time)} to ${place.join(" ")}, track ${track}${late && `, ${late}`}.`;
    }
  }
}

function choose(event) {
  const train = event.target.closest("li")?.dataset.train;
  if (train === undefined) return;
  chosen = train === chosen ? "" : train;
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
