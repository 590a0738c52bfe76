/**
 * Errors that the browser finds in modules: syntax, names that are not exported, bare imports.
 *
 * Whether a module parses the browser knows best, and tells line and column in a `window` error event. A
 * rejected `import()` lacks them; the same URL as a script then raises the event, out of the module map,
 * so that nothing is fetched or run twice. Follows protocol.md, section 5 ("Syntax errors", "Bare imports").
 */

import { decodePath } from "./page.js";
import { explain, unresolvedName } from "./explanations.js";

/** @typedef {import("./overlay.js").ErrorDetail} ErrorDetail */

/** @typedef {object} Place
 * @property {URL} url
 * @property {number} line from 1
 * @property {number} column from 0
 * @property {string} [packed] the text that failed, where it came in a pack
 */

const CONTEXT_LINES = 2;
/** Columns of a source line that a frame shows; generated code has lines without end. */
const WIDTH = 200;
/** How many loaded modules are searched for the one that has a bare import. */
const SEARCH_LIMIT = 100;
/** A packed module says at its end which URL it stands for. */
const BEFORE_SOURCE_URL = /^.*\n\/\/# sourceURL=/s;
const LINE_END = /\r\n|[\n\r\u2028\u2029]/;
/** What the server puts ahead of a module's own text, on its first line. */
const PREAMBLE =
  /^(?:import ?\{ ?createHotContext as __vite__createHotContext ?\}.*?__vite__createHotContext\(".*?"\);)?(?:import\.meta\.env = \{(?:[^"{}]|"(?:[^"\\]|\\.)*"|\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\})*\};)?/;

/** Sources that no browser reads; a plugin makes JavaScript of them. */
const NEEDS_PLUGIN = /\.(?:[cm]?tsx?|jsx)$/;

/** Watches the page for modules that fail to load, and reports those whose text is to blame. */
export class ModuleErrors {
  /** True once a module script of the page did not load: what hangs on it has never run. */
  loadFailed = false;

  #site;
  #report;
  /** @type {string | null} the URL that is being loaded once more */
  #probed = null;
  /** @type {Promise<void>} */
  #reported = Promise.resolve();

  /**
   * @param {{ base: string, origin: string }} site whose modules these are
   * @param {(error: ErrorDetail) => void} report
   */
  constructor(site, report) {
    this.#site = site;
    this.#report = report;
  }

  /** Begin; ahead of the page's own modules. */
  watch() {
    window.addEventListener("error", (event) => this.#failed(event), true);
    window.addEventListener("unhandledrejection", ({ reason }) => {
      // A lazy `import()` says neither file nor line; the message is better than nothing.
      if (isLoadError(reason)) this.#tell(reason.message, null);
    });
  }

  /**
   * Find and report the place of a failed update's error, where its text is to blame.
   *
   * @param {string} url exactly the one that failed
   * @param {unknown} error what `import()` was rejected with
   */
  async locate(url, error) {
    if (!isLoadError(error)) return;
    this.#probed = url;
    await new Promise((resolve) => {
      const script = document.createElement("script");
      script.type = "module";
      script.addEventListener("load", resolve);
      script.addEventListener("error", resolve);
      try {
        script.src = url;
        document.head.append(script);
      } catch {
        // Trusted Types may forbid the script; then without the place.
        this.#tell(error.message, null);
        resolve(undefined);
      }
      // It loads all the same, and its failure is not taken for one of the page's own scripts.
      script.remove();
    });
    this.#probed = null;
    await this.#reported;
  }

  /** @param {Event} event */
  #failed(event) {
    if (!(event instanceof ErrorEvent)) {
      const { target } = event;
      if (target instanceof HTMLScriptElement && target.type === "module") this.#missed(target);
      return;
    }
    if (!isLoadError(event.error)) return;
    const packed = packedText(event.filename);
    const name = packed === undefined ? event.filename : packed.replace(BEFORE_SOURCE_URL, "");
    const url = URL.canParse(name) ? new URL(name) : null;
    if (url?.origin !== this.#site.origin && url?.origin !== location.origin) return;
    if (this.#probed === null) this.loadFailed = true;
    const [line, column] = [event.lineno, Math.max(event.colno - 1, 0)];
    const place = line > 0 ? { url, line, column, ...(packed !== undefined && { packed }) } : null;
    this.#tell(event.error.message, place);
  }

  /**
   * A script, or something it imports, could not be fetched; why is the server's to say.
   *
   * @param {HTMLScriptElement} script
   */
  #missed(script) {
    const isOurs = !script.src || new URL(script.src).origin === this.#site.origin;
    if (isOurs) this.loadFailed = true;
  }

  /**
   * @param {string} message the browser's
   * @param {Place | null} place
   */
  #tell(message, place) {
    this.#reported = this.#describe(message, place).then(this.#report);
  }

  /**
   * @param {string} message
   * @param {Place | null} known
   * @returns {Promise<ErrorDetail>}
   */
  async #describe(message, known) {
    const detail = { message: explain(message, document), stack: "" };
    const name = unresolvedName(message);
    const place = known ?? (name === undefined ? null : await this.#findImport(name));
    if (!place) return detail;
    if (NEEDS_PLUGIN.test(place.url.pathname)) {
      detail.message += "\n\nTypeScript and JSX need a plugin, such as the one in hotchannel's examples/typescript.";
    }
    const lines = ((await readText(place.url.href)) ?? "").split(LINE_END);
    const served = lines[place.line - 1] ?? "";
    const preamble = PREAMBLE.exec(served)?.[0] ?? "";
    // What a pack adds stands at the beginning of the line too.
    const added = place.packed ? (place.packed.split(LINE_END)[place.line - 1] ?? "").length - served.length : 0;
    // A pack that the browser calls by the module's own URL cannot be told: its column is past the line.
    const column = Math.min(Math.max(place.column - added - preamble.length, 0), served.length - preamble.length);
    const loc = { file: this.#show(place.url), line: place.line, column };
    return { ...detail, loc, frame: codeFrame(lines.map((line) => line.replace(PREAMBLE, "")), loc) };
  }

  /**
   * Find who imports a bare name: of that the browser says nothing.
   *
   * @param {string} name
   * @returns {Promise<Place | null>}
   */
  async #findImport(name) {
    const literal = name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    const statement = new RegExp(`\\b(?:from|import)\\b\\s*\\(?\\s*(?=(["'])${literal}\\1)`);
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    const modules = loaded.filter((url) => url.startsWith(this.#site.origin) && !url.includes("/@vite/"));
    for (const url of new Set([this.#probed ?? [], ...modules.reverse()].flat().slice(0, SEARCH_LIMIT))) {
      const source = await readText(url);
      const found = source === null ? null : statement.exec(source);
      if (source === null || !found) continue;
      const before = source.slice(0, found.index + found[0].length).split("\n");
      const column = before[before.length - 1]?.length ?? 0;
      return { url: new URL(url, location.href), line: before.length, column };
    }
    return null;
  }

  /**
   * The path that the user knows a module by.
   *
   * @param {URL} url
   */
  #show(url) {
    const path = decodePath(url.pathname);
    return path.startsWith(this.#site.base) ? `/${path.slice(this.#site.base.length)}` : path;
  }
}

/**
 * Tell whether an error was raised in loading a module, and not thrown by code that ran: such has a stack.
 *
 * @param {unknown} error
 * @returns {error is Error}
 */
function isLoadError(error) {
  if (!(error instanceof Error)) return false;
  const { name, message, stack = "" } = error;
  const hasRun = stack.replace(`${name}: ${message}`, "").trim() !== "";
  return !hasRun && (name === "SyntaxError" || unresolvedName(message) !== undefined);
}

/**
 * The text of a module whose URL is a `data:` URL, as those in a pack are.
 *
 * @param {string} url
 * @returns {string | undefined}
 */
function packedText(url) {
  if (!url.startsWith("data:text/javascript;charset=utf-8,")) return undefined;
  const text = decodePath(url.slice(url.indexOf(",") + 1));
  return BEFORE_SOURCE_URL.test(text) ? text : undefined;
}

/**
 * Read a text as the page got it.
 *
 * @param {string} url
 * @returns {Promise<string | null>}
 */
async function readText(url) {
  try {
    const response = await fetch(url, { cache: "force-cache" });
    const isText = /javascript|html|text/.test(response.headers.get("content-type") ?? "");
    return response.ok && isText ? await response.text() : null;
  } catch {
    return null;
  }
}

/**
 * Render the lines around a place, as the server does.
 *
 * @param {readonly string[]} lines
 * @param {{ line: number, column: number }} place
 * @returns {string} empty where there is no such line, as where the text could not be read
 */
function codeFrame(lines, { line, column }) {
  if (line > lines.length || lines.join("") === "") return "";
  const first = Math.max(line - CONTEXT_LINES, 1);
  const last = Math.min(line + CONTEXT_LINES, lines.length);
  const left = column > WIDTH / 2 ? column - WIDTH / 4 : 0;
  const gutter = String(last).length + 2;
  const shown = [];
  for (let number = first; number <= last; number++) {
    const text = lines[number - 1] ?? "";
    shown.push(`${String(number).padStart(gutter)} | ${text.slice(left, left + WIDTH)}`);
    // Tabs stay tabs, so that the caret stands where the code does.
    const indent = text.slice(left, column).replace(/[^\t]/g, " ");
    if (number === line) shown.push(`${" ".repeat(gutter)} | ${indent}^`);
  }
  return shown.join("\n");
}
