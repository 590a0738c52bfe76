// The entry: the connection's state, and the slider. The chart is a module of its own.
import "./chart.js";

const slider = document.querySelector("#speed");
const rate = document.querySelector("#rate");
const status = document.querySelector("#status");

function show(state, text) {
  status.dataset.state = state;
  status.textContent = text;
}

function write() {
  rate.textContent = `${slider.value} a second`;
}

function move() {
  write();
  import.meta.hot?.send("chart:speed", { speed: slider.valueAsNumber });
}

function moved({ speed }) {
  slider.value = speed;
  write();
}

slider.addEventListener("input", move);
write();
show(import.meta.hot ? "live" : "off", import.meta.hot ? "live" : "served without a channel");

import.meta.hot?.on("chart:speed", moved);
import.meta.hot?.on("chart:line", moved);
import.meta.hot?.on("vite:ws:connect", () => show("live", "live"));
import.meta.hot?.on("vite:ws:disconnect", () => show("lost", "waiting for the server"));
import.meta.hot?.accept();
import.meta.hot?.dispose(() => slider.removeEventListener("input", move));
