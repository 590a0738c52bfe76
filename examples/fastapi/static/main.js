// The entry: the connection's state, and the search field. The plan is a module of its own.
import "./plan.js";

const field = document.querySelector("#find");
const status = document.querySelector("#status");

function find() {
  const words = field.value.toLowerCase().split(/\s+/);
  let found = 0;
  for (const line of document.querySelectorAll("#books li")) {
    const text = line.textContent.toLowerCase();
    line.hidden = !words.every((word) => text.includes(word));
    found += line.hidden ? 0 : 1;
  }
  document.querySelector("#books").hidden = found === 0;
  document.querySelector("#none").hidden = found > 0;
}

function show(state, text) {
  status.dataset.state = state;
  status.textContent = text;
}

field.addEventListener("input", find);
find();
show(import.meta.hot ? "live" : "off", import.meta.hot ? "live" : "served without a channel");

import.meta.hot?.on("vite:ws:connect", () => show("live", "live"));
import.meta.hot?.on("vite:ws:disconnect", () => show("lost", "waiting for the server"));
// The page has got the server's new text: there may be other books now.
import.meta.hot?.on("hotchannel:afterRefresh", find);
import.meta.hot?.accept();
import.meta.hot?.dispose(() => field.removeEventListener("input", find));
