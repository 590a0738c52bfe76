// The entry: the connection's state, and the slider. The picture is a module of its own.
import "./image.js";

const slider = document.querySelector("#rain");
const amount = document.querySelector("#amount");
const status = document.querySelector("#status");

/** When the slider was moved here: pictures that were on their way know nothing of it. */
let moved = -Infinity;
/** Whether Python's rain is known; after a restart Python is told of it. */
let isKnown = import.meta.hot?.data.isKnown ?? false;

function show(state, text) {
  status.dataset.state = state;
  status.textContent = text;
}

function write() {
  amount.textContent = slider.valueAsNumber ? `${slider.value} drops a second` : "no rain";
}

function say() {
  moved = performance.now();
  import.meta.hot?.send("image:rain", { rain: slider.valueAsNumber });
}

function move() {
  write();
  say();
}

slider.addEventListener("input", move);
write();
show(import.meta.hot ? "live" : "off", import.meta.hot ? "live" : "served without a channel");

import.meta.hot?.on("image:frame", ({ meta }) => {
  isKnown = true;
  if (performance.now() < moved + 500) return;
  slider.value = meta.rain;
  write();
});
import.meta.hot?.on("vite:ws:connect", () => {
  show("live", "live");
  if (isKnown) say();
});
import.meta.hot?.on("vite:ws:disconnect", () => show("lost", "waiting for the server"));
import.meta.hot?.accept();
import.meta.hot?.dispose((data) => {
  data.isKnown = isKnown;
  slider.removeEventListener("input", move);
});
