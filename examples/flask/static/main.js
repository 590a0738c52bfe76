// The entry: shows whether the server is there. The recipe is in modules of their own.
import "./people.js";

const status = document.querySelector("#status");

function show(state, text) {
  status.dataset.state = state;
  status.textContent = text;
}

show(import.meta.hot ? "live" : "off", import.meta.hot ? "live" : "served without a channel");

import.meta.hot?.on("vite:ws:connect", () => show("live", "live"));
import.meta.hot?.on("vite:ws:disconnect", () => show("lost", "waiting for the server"));
import.meta.hot?.accept();
