const SHOWN = 12;

const log = document.querySelector("#log");
const status = document.querySelector("#status");
const form = document.querySelector("#form");
const text = document.querySelector("#text");

function setStatus(state, words) {
  status.dataset.state = state;
  status.textContent = words;
}

function show({ by, text: words, page }) {
  const line = document.createElement("li");
  line.dataset.process = by;
  line.classList.toggle("said", page);
  const name = document.createElement("b");
  name.textContent = by;
  line.append(name, words);
  log.prepend(line);
  while (log.children.length > SHOWN) log.lastChild.remove();
}

if (import.meta.hot) {
  import.meta.hot.accept();
  import.meta.hot.on("cluster:said", show);
  import.meta.hot.on("vite:ws:connect", () => setStatus("on", "live"));
  import.meta.hot.on("vite:ws:disconnect", () => setStatus("off", "reconnecting"));
  form.onsubmit = (event) => {
    event.preventDefault();
    if (text.value) import.meta.hot.send("cluster:say", { text: text.value });
    text.value = "";
  };
}
