/**
 * The inspector: gets what the server tells to the views, and what is pressed to the server.
 */

import { find } from "./dom.js";
import { ModuleGraph } from "./graph.js";
import { showClients, showNumbers, showRefusals, showSaves } from "./lists.js";
import { MessageLog } from "./log.js";
import { Socket } from "./socket.js";

const log = new MessageLog();
const graph = new ModuleGraph();
const problem = find("problem", HTMLElement);

/** What the server tells, by section: nothing but what has changed.
 *
 * @type {Record<string, (content: any) => void>}
 */
const views = {
  numbers: showNumbers,
  clients: showClients,
  refusals: showRefusals,
  saves: showSaves,
  graph: (content) => graph.show(content),
  messages: (content) => log.add(content),
  skipped: (content) => log.skip(content),
  problem: (content) => {
    problem.textContent = content;
  },
};

const socket = new Socket(
  JSON.parse(document.documentElement.dataset.settings ?? ""),
  (sections) => {
    for (const [name, content] of Object.entries(sections)) views[name]?.(content);
  },
  (state, text) => {
    const shown = find("state", HTMLElement);
    shown.dataset.state = state;
    shown.textContent = text;
  },
);

find("tools", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  problem.textContent = "";
  const text = find("data", HTMLTextAreaElement).value.trim();
  try {
    const data = text ? JSON.parse(text) : null;
    socket.send("hotchannel:inspect:send", { event: find("event", HTMLInputElement).value, data });
  } catch (error) {
    problem.textContent = `The data is no JSON: ${error instanceof Error ? error.message : error}`;
  }
});
find("reload", HTMLButtonElement).addEventListener("click", () => socket.send("hotchannel:inspect:reload"));
