/**
 * The short lists: numbers, clients, refusals, and how long saves took.
 */

import { duration, element, empty, find, moment, size } from "./dom.js";

/** @typedef {{ n: number, address: string, page: string | null, latency: number | null, own: boolean }} Client */
/** @typedef {{ at: number, reason: string, address: string, text: string }} Refusal */
/**
 * @typedef {object} Save
 * @property {number} n
 * @property {string} label
 * @property {number} sent milliseconds
 * @property {number | null} applied milliseconds that the slowest page took
 * @property {number} pages how many have told
 * @property {boolean} reload
 */

const SAVES_SHOWN = 12;

/** @type {[string, string, boolean][]} name, label, and whether it is a number of bytes */
const NUMBERS = [
  ["clients", "clients", false],
  ["refused", "refused", false],
  ["messagesIn", "messages in", false],
  ["messagesOut", "messages out", false],
  ["bytesIn", "received", true],
  ["bytesOut", "sent", true],
  ["outbox", "waiting", true],
  ["dropped", "dropped", false],
];

/** @param {Record<string, number>} numbers */
export function showNumbers(numbers) {
  const items = NUMBERS.map(([name, label, isSize]) => {
    const value = numbers[name] ?? 0;
    const isBad = value > 0 && (name === "refused" || name === "dropped");
    const shown = isSize ? size(value) : value.toLocaleString();
    return element("li", isBad ? "bad" : "", element("b", "", shown), element("span", "", label));
  });
  find("numbers", HTMLElement).replaceChildren(...items);
}

/** @param {Client[]} clients */
export function showClients(clients) {
  const rows = clients.map(({ n, address, page, latency, own }) => {
    const name = element("code", "", page ?? "–");
    name.title = page ?? (own ? "it has not told yet" : "another client, which does not tell");
    return element(
      "div",
      "row",
      name,
      element("span", "quiet", address),
      element("span", "number", latency === null ? "–" : duration(latency)),
    );
  });
  show("clients", rows, "No page is open.");
}

/** @param {Refusal[]} refusals */
export function showRefusals(refusals) {
  const rows = refusals.toReversed().map(({ at, reason, address, text }) => {
    return element(
      "div",
      "row",
      moment(at),
      element("b", "", reason),
      element("span", "quiet", address),
      element("code", "", text),
    );
  });
  show("refusals", rows, "Nobody was refused.");
}

/** @param {Save[]} saves */
export function showSaves(saves) {
  const shown = saves.slice(-SAVES_SHOWN).reverse();
  const longest = Math.max(1, ...shown.map(({ sent, applied }) => sent + (applied ?? 0)));
  const rows = shown.map(({ label, sent, applied, pages, reload }) => {
    const bar = element("div", "bar", part("send", sent / longest));
    if (applied !== null) bar.append(part("apply", applied / longest));
    const name = element("code", "", label.split("/").at(-1) ?? "");
    const outcome = applied === null ? (reload ? "reload" : "no page told") : `${pages} page${pages === 1 ? "" : "s"}`;
    const row = element("div", "row", name, bar, element("span", "number", duration(sent + (applied ?? 0))));
    row.title = `${label}: sent after ${duration(sent)}, in the page ${applied === null ? "–" : duration(applied)} later, ${outcome}`;
    return row;
  });
  show("saves", rows, "Save a file that a page shows.");
}

/**
 * @param {string} name
 * @param {number} share
 */
function part(name, share) {
  const made = element("i", name);
  made.style.width = `${share * 100}%`;
  return made;
}

/**
 * @param {string} id
 * @param {HTMLElement[]} rows
 * @param {string} otherwise
 */
function show(id, rows, otherwise) {
  find(id, HTMLElement).replaceChildren(...(rows.length > 0 ? rows : [empty(otherwise)]));
}
