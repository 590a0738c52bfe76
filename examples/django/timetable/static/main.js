// The entry: the connection's state, and the search field. The trains are a module of their own.
import "./trains.js";

const field = document.querySelector("#to");
const status = document.querySelector("#status");

function find() {
  const place = field.value.trim().toLowerCase();
  for (const line of document.querySelectorAll("#trains li")) {
    line.hidden = !line.querySelector(".to").textContent.toLowerCase().includes(place);
  }
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
// The page has got the server's new text: there may be other trains now.
import.meta.hot?.on("hotchannel:afterRefresh", find);
import.meta.hot?.accept();
import.meta.hot?.dispose(() => field.removeEventListener("input", find));
