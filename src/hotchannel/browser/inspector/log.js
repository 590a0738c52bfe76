/**
 * The log of messages, newest first.
 */

import { element, empty, find, moment, size } from "./dom.js";

/**
 * @typedef {object} Message
 * @property {number} at
 * @property {"in" | "out"} way
 * @property {string} type
 * @property {string} event
 * @property {number} size
 * @property {string} who
 * @property {string} text cut where it is long
 */

const SHOWN = 300;

/** Shows messages, those that fit the filter. */
export class MessageLog {
  #log = find("log", HTMLElement);
  #filter = find("filter", HTMLInputElement);
  #pause = find("pause", HTMLButtonElement);
  /** @type {{ message: Message, row: HTMLElement }[]} newest first */
  #rows = [];
  /** @type {Message[]} */
  #held = [];
  #skipped = 0;

  constructor() {
    this.#filter.addEventListener("input", () => this.#show());
    find("clear", HTMLButtonElement).addEventListener("click", () => {
      this.#rows = [];
      this.#skipped = 0;
      this.#show();
    });
    this.#pause.addEventListener("click", () => {
      const isPaused = this.#pause.getAttribute("aria-pressed") !== "true";
      this.#pause.setAttribute("aria-pressed", String(isPaused));
      if (!isPaused) this.add(this.#held.splice(0));
    });
    this.#show();
  }

  /** @param {Message[]} messages oldest first */
  add(messages) {
    if (this.#pause.getAttribute("aria-pressed") === "true") {
      this.#held = [...this.#held, ...messages].slice(-SHOWN);
      return;
    }
    for (const message of messages) this.#rows.unshift({ message, row: rowOf(message) });
    this.#rows.length = Math.min(this.#rows.length, SHOWN);
    this.#show();
  }

  /** @param {number} count messages that came too quickly */
  skip(count) {
    this.#skipped += count;
    this.#show();
  }

  #show() {
    const wanted = this.#filter.value.trim().toLowerCase();
    const fitting = this.#rows.filter(({ message }) => fits(message, wanted)).map(({ row }) => row);
    const text = wanted ? "No message fits." : "Nothing was said since this page was opened.";
    // What stays keeps its place, and so the focus.
    const scrolled = this.#log.scrollTop;
    this.#log.replaceChildren(...(fitting.length > 0 ? fitting : [empty(text)]));
    if (this.#skipped > 0) this.#log.append(empty(`${this.#skipped} more came too quickly to be shown.`));
    this.#log.scrollTop = scrolled;
  }
}

/**
 * @param {Message} message
 * @param {string} wanted in lower case
 */
function fits({ type, event, who, text }, wanted) {
  return !wanted || [type, event, who, text].some((part) => part.toLowerCase().includes(wanted));
}

/** @param {Message} message */
function rowOf(message) {
  const { at, way, type, event, who, text } = message;
  const arrow = element("span", "way", way === "in" ? "↑" : "↓");
  arrow.title = way === "in" ? "from a page" : "to pages";
  const name = element("span", "name", event || type || "–");
  const detail = event ? "" : detailOf(text);
  if (detail) name.append(element("em", "", detail));
  name.title = `${event || type} ${detail}`.trim();
  const from = element("span", "who", who);
  const summary = element("summary", "", moment(at), arrow, name, from, element("span", "size", size(message.size)));
  const row = element("details", `${way}${type === "malformed" || type === "error" ? ` ${type}` : ""}`, summary);
  row.addEventListener("toggle", () => {
    // Made when it is looked at, and once.
    if (row.open && row.childElementCount === 1) row.append(element("pre", "", pretty(text, type === "binary" ? 0 : message.size)));
  });
  return row;
}

/**
 * What a message of the server's own is about, in a few words.
 *
 * @param {string} text
 * @returns {string}
 */
function detailOf(text) {
  try {
    const { updates, paths, path, triggeredBy, err } = JSON.parse(text);
    const urls = updates?.map((/** @type {any} */ update) => update.acceptedPath) ?? paths;
    return String(urls?.join(", ") ?? err?.message ?? triggeredBy ?? path ?? "");
  } catch {
    return "";
  }
}

/**
 * @param {string} text
 * @param {number} bytes that it had before it was cut; 0 where it was not
 */
function pretty(text, bytes) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    const isCut = new TextEncoder().encode(text).length < bytes;
    return isCut ? `${text}\n… ${size(bytes)} in all` : text;
  }
}
