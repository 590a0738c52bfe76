/**
 * What goes wrong in this page, and what it writes to its console, for the server to print in its terminal.
 *
 * Invariant: saying a value neither throws nor ends in a circle, and takes no longer than the text that comes
 * of it, which is bounded; getters are shown and not called. A page that says too much is counted instead, so
 * that it stays below the server's limits. Messages are those of Vite's `shared/forwardConsole.ts`.
 */

import { decodePath } from "./page.js";

/**
 * What the forwarder needs of its surroundings.
 *
 * @typedef {object} Surroundings
 * @property {(data: object) => void} send to the server
 * @property {() => boolean} isOpen whether it can be heard now
 * @property {() => boolean} isTold whether an error that still stands was reported
 * @property {{ base: string, origin: string }} site whose URLs are shown as paths
 */

const LENGTH = 10_000;
const DEPTH = 3;
const WIDTH = 100;
const NAME_LENGTH = 100;
const SECOND = 1_000;
const SETTLING = 100;
/** Fewer than the server prints, so that it has room for the number of the rest. */
const PER_SECOND = 40;
/** What may wait for the socket; the page's own messages wait there too. */
const WAITING = 100;

const SPECIFIER = /(%[sdifjoOc%])/;
/** What browsers say of a module that could not be fetched, with which the server has to do. */
const NOT_LOADED = /^(?:Failed to fetch dynamically imported module|error loading dynamically imported module|Importing a module script failed)/;
/** A packed module is a `data:` URL that says at its end which URL it stands for. */
const PACKED = /^data:.*\n\/\/# sourceURL=/s;
/** A module's query, ahead of the line. */
const QUERY = /\?[^\s():]*(?=:\d)/g;

/** Sends uncaught errors and console lines, from `watch()` on. */
export class ConsoleForwarder {
  #surroundings;
  /** Whether a value is being said: what its own code logs meanwhile would never end. */
  #isSaying = false;
  #waiting = 0;
  #said = 0;
  #reports = 0;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * Begin; ahead of the page's own modules.
   *
   * @param {readonly string[]} methods of the console
   */
  watch(methods) {
    /** @type {Record<string, any>} */
    const owner = console;
    for (const method of methods) {
      const original = owner[method];
      if (typeof original !== "function") continue;
      owner[method] = (/** @type {unknown[]} */ ...args) => {
        original.apply(console, args);
        this.#guard(() => {
          this.#say("log", () => ({ level: method, message: fit(this.#shorten(formatConsole(args))) }));
        });
      };
    }
    globalThis.addEventListener("error", (event) => {
      if (!(event instanceof ErrorEvent)) return;
      this.#guard(() => this.#sayError("error", event.error ?? event.message, placeOf(event)));
    });
    globalThis.addEventListener("unhandledrejection", ({ reason }) => {
      this.#guard(() => this.#sayError("unhandled-rejection", reason));
    });
  }

  /**
   * A module's new version failed. Where it did so before it ran, the server knows, or `window` hears of it.
   *
   * @param {unknown} error
   */
  updateFailed(error) {
    this.#guard(() => {
      if (!(error instanceof Error) || hasFrames(describe(error))) this.#sayError("error", error);
    });
  }

  /** An error was reported. */
  told() {
    this.#reports++;
  }

  /** @param {() => void} say */
  #guard(say) {
    if (this.#isSaying) return;
    this.#isSaying = true;
    try {
      say();
    } catch {
      // Nothing that a page logs may harm it because it is logged here too.
    } finally {
      this.#isSaying = false;
    }
  }

  /**
   * @param {"error" | "unhandled-rejection"} type
   * @param {unknown} error
   * @param {string} [place] where it was thrown, for one that does not say
   */
  #sayError(type, error, place) {
    const described = describe(error);
    const hasPlace = hasFrames(described);
    const stack = place && !hasPlace ? `${described.stack}\n    at ${place}` : described.stack;
    const [name, message] = [fit(described.name), fit(described.message)];
    const say = () => this.#say(type, () => ({ name, message, stack: fit(this.#shorten(stack)) }));
    if (hasPlace || !NOT_LOADED.test(message)) return say();
    if (this.#surroundings.isTold()) return;
    // What the server has to say of it comes another way, and perhaps later; it may be mended by then.
    const before = this.#reports;
    setTimeout(() => before === this.#reports && say(), SETTLING);
  }

  /**
   * @param {"error" | "unhandled-rejection" | "log"} type
   * @param {() => object} describe called only where there is room for it
   */
  #say(type, describe) {
    const { send, isOpen } = this.#surroundings;
    if (isOpen()) this.#waiting = 0;
    else if (++this.#waiting > WAITING) return;
    if (this.#said++ === 0) setTimeout(() => this.#secondEnded(), SECOND);
    if (this.#said <= PER_SECOND) send({ type, data: describe() });
  }

  #secondEnded() {
    const more = this.#said - PER_SECOND;
    this.#said = 0;
    const message = `${more} more lines of this page within a second`;
    if (more > 0) this.#surroundings.send({ type: "log", data: { level: "warn", message } });
  }

  /** @type {(text: string) => string} the site's own URLs written as the paths that the user knows */
  #shorten(text) {
    const { base, origin } = this.#surroundings.site;
    return text.split(origin + base).map((part, index) => (index === 0 ? part : `/${part.replace(QUERY, "")}`)).join("");
  }
}

/**
 * Render the arguments of a console method as one text, `%s` and its like filled in.
 *
 * @param {readonly unknown[]} args
 */
export function formatConsole(args) {
  const printer = new Printer();
  let next = 0;
  if (typeof args[0] === "string") {
    next = 1;
    for (const part of args[0].slice(0, LENGTH).split(SPECIFIER)) {
      if (part === "%%") printer.add("%");
      else if (!SPECIFIER.test(part) || next >= args.length) printer.add(part);
      else substitute(printer, part, args[next++]);
    }
  }
  for (; next < args.length && !printer.isFull; next++) {
    if (next > 0) printer.add(" ");
    printer.value(args[next]);
  }
  return printer.text;
}

/**
 * @param {Printer} printer
 * @param {string} specifier
 * @param {unknown} argument
 */
function substitute(printer, specifier, argument) {
  if (specifier === "%c") return;
  if (typeof argument === "bigint" || !"%d%i%f".includes(specifier)) return printer.value(argument);
  // An object may say what number it is by code of its own.
  const isNumeric = typeof argument === "number" || typeof argument === "string";
  const number = !isNumeric ? NaN : specifier === "%d" ? Number(argument) : parseFloat(String(argument));
  printer.value(specifier === "%i" ? Math.trunc(number) : number);
}

/** Writes values into a text of bounded length. */
class Printer {
  text = "";
  /** @type {object[]} the objects around the value that is being written */
  #around = [];

  get isFull() {
    return this.text.length > LENGTH;
  }

  /** @param {string} part */
  add(part) {
    if (!this.isFull) this.text += part.slice(0, LENGTH + 1 - this.text.length);
  }

  /**
   * Write a value; what cannot be read of it is said to be so.
   *
   * @param {unknown} value
   */
  value(value) {
    try {
      this.#write(value);
    } catch {
      this.add("[unreadable]");
    }
  }

  /** @param {unknown} value */
  #write(value) {
    if (typeof value === "string") {
      const cut = value.slice(0, LENGTH);
      this.add(this.#around.length > 0 ? JSON.stringify(cut) : cut);
    } else if (typeof value === "bigint") {
      this.add(`${value}n`);
    } else if (typeof value === "function") {
      const name = ownValue(value, "name");
      this.add(typeof name === "string" && name ? `[Function ${name.slice(0, NAME_LENGTH)}]` : "[Function]");
    } else if (typeof value !== "object" || value === null) {
      this.add(Object.is(value, -0) ? "-0" : String(value));
    } else if (this.#around.includes(value)) {
      this.add("[Circular]");
    } else {
      this.#around.push(value);
      try {
        this.#object(value);
      } finally {
        this.#around.pop();
      }
    }
  }

  /** @param {object} value */
  #object(value) {
    if (value instanceof Error) {
      const { name, message, stack } = describe(value);
      this.add(this.#around.length > 1 ? `[${name}: ${message}]` : stack || `${name}: ${message}`);
    } else if (value instanceof Date) {
      this.add(Number.isNaN(Date.prototype.getTime.call(value)) ? "Invalid Date" : Date.prototype.toISOString.call(value));
    } else if (value instanceof RegExp) {
      this.add(RegExp.prototype.toString.call(value));
    } else if (globalThis.Element && value instanceof Element) {
      // By the prototype's method, since a form's fields stand in for its own names.
      const id = Element.prototype.getAttribute.call(value, "id")?.slice(0, NAME_LENGTH);
      this.add(`<${value.localName}${id ? ` id=${JSON.stringify(id)}` : ""}>`);
    } else {
      this.#container(value);
    }
  }

  /** @param {object} value */
  #container(value) {
    const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
    const name = className(value);
    const isPlain = name === (Array.isArray(value) ? "Array" : "Object") || name === "";
    if (!isPlain) this.add(name);
    if (this.#around.length > DEPTH) {
      if (isPlain) this.add(isList ? "[Array]" : "[Object]");
      return;
    }
    if (!isPlain) this.add(" ");
    if (isList) {
      const list = /** @type {ArrayLike<unknown>} */ (value);
      this.#items("[", "]", list.length, (index) => this.#property(list, String(index)));
    } else if (value instanceof Map || value instanceof Set) {
      const isMap = value instanceof Map;
      const entries = first(value);
      this.#items("{", "}", isMap ? mapSize.call(value) : setSize.call(value), (index) => {
        const [key, content] = entries[index] ?? [];
        this.value(key);
        if (!isMap) return;
        this.add(" => ");
        this.value(content);
      });
    } else {
      const keys = Object.keys(value);
      this.#items("{", "}", keys.length, (index) => {
        const key = keys[index] ?? "";
        this.add(/^[a-z_$][\w$]*$/i.test(key) ? `${key}: ` : `${JSON.stringify(key.slice(0, NAME_LENGTH))}: `);
        this.#property(value, key);
      });
    }
  }

  /**
   * @param {string} opening
   * @param {string} closing
   * @param {number} count
   * @param {(index: number) => void} write
   */
  #items(opening, closing, count, write) {
    this.add(opening);
    const shown = Math.min(count, WIDTH);
    for (let index = 0; index < shown && !this.isFull; index++) {
      this.add(index === 0 ? " " : ", ");
      write(index);
    }
    if (count > shown) this.add(`, \u2026(${count - shown})`);
    this.add(count > 0 ? ` ${closing}` : closing);
  }

  /**
   * @param {object} owner
   * @param {string} key
   */
  #property(owner, key) {
    try {
      const descriptor = Object.getOwnPropertyDescriptor(owner, key);
      if (descriptor && !("value" in descriptor)) this.add("[Getter]");
      else if (descriptor) this.value(descriptor.value);
    } catch {
      this.add("[unreadable]");
    }
  }
}

const mapSize = /** @type {() => number} */ (Object.getOwnPropertyDescriptor(Map.prototype, "size")?.get);
const setSize = /** @type {() => number} */ (Object.getOwnPropertyDescriptor(Set.prototype, "size")?.get);

/**
 * The first entries of a map or set, by the browser's own iterators.
 *
 * @param {Map<unknown, unknown> | Set<unknown>} container
 */
function first(container) {
  const prototype = container instanceof Map ? Map.prototype : Set.prototype;
  const found = [];
  for (const entry of prototype.entries.call(container)) {
    if (found.push(entry) === WIDTH) break;
  }
  return found;
}

/** @type {(value: object) => string} empty where it has none */
function className(value) {
  const prototype = Object.getPrototypeOf(value);
  const constructor = prototype === null ? undefined : ownValue(prototype, "constructor");
  const name = typeof constructor === "function" ? ownValue(constructor, "name") : "";
  return typeof name === "string" ? name.slice(0, NAME_LENGTH) : "";
}

/** @type {(owner: object, key: string) => unknown} a property's value; undefined for a getter */
const ownValue = (owner, key) => Object.getOwnPropertyDescriptor(owner, key)?.value;

/**
 * Name, message and stack of what was thrown, be it an error or not.
 *
 * @param {unknown} error
 * @returns {{ name: string, message: string, stack: string }}
 */
function describe(error) {
  if (!(error instanceof Error)) return { name: "", message: formatConsole(["%o", error]), stack: "" };
  try {
    return { name: plain(error.name), message: plain(error.message), stack: plain(error.stack) };
  } catch {
    return { name: "Error", message: "[unreadable]", stack: "" };
  }
}

/** @type {(text: unknown) => string} */
const plain = (text) => (typeof text === "string" ? text.slice(0, LENGTH) : "");

/**
 * Tell whether an error says where it came from; one that was raised in loading a module does not.
 *
 * @param {{ name: string, message: string, stack: string }} error
 */
function hasFrames({ name, message, stack }) {
  return stack.replace(`${name}: ${message}`, "").trim() !== "";
}

/** @type {(event: ErrorEvent) => string} `URL:LINE:COLUMN`; empty where it does not say */
function placeOf({ filename, lineno, colno }) {
  // In a pack something stands ahead of the line, so its column is another.
  if (filename.startsWith("data:")) return `${decodePath(filename).replace(PACKED, "")}:${lineno}`;
  return filename && `${filename}:${lineno}:${colno}`;
}

/**
 * Cut a text; half a surrogate pair is in no JSON that a server takes.
 *
 * @param {string} text
 */
function fit(text) {
  const cut = text.length > LENGTH ? `${text.slice(0, LENGTH - 1)}\u2026` : text;
  return cut.replace(/\p{Surrogate}/gu, "\ufffd");
}
