// The connection's state and a line for whatever the channel brought, newest first.
const LINES = 6;

const list = document.querySelector("#log");
const status = document.querySelector("#status");

function tell(text) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString("en-GB");
  line.append(time, text);
  list.prepend(line);
  while (list.children.length > LINES) list.lastElementChild.remove();
}

function show(state, text) {
  status.dataset.state = state;
  status.textContent = text;
}

const listeners = {
  "vite:ws:connect": () => show("live", "live"),
  "vite:ws:disconnect": () => show("lost", "connection lost"),
  "vite:afterUpdate": ({ updates }) => updates.forEach(({ path }) => tell(`updated ${path}`)),
  "vite:beforePrune": ({ paths }) => paths.forEach((path) => tell(`dropped ${path}`)),
  "vite:error": ({ err }) => tell(`error: ${err.message.split("\n")[0]}`),
  "counter:set": ({ count }) => tell(`counter:set ${count}`),
};
for (const [event, listener] of Object.entries(listeners)) import.meta.hot?.on(event, listener);

if (import.meta.hot) show("live", "live");
else show("off", "served without a channel");
if (!list.children.length) tell("page loaded");

import.meta.hot?.accept();
