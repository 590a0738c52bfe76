/**
 * The page's own text, fetched again after an edit of a template or of Python code.
 *
 * What the server sent before is asked for once the page has loaded, so that it outlives the server. Pages that
 * answer a form, or that another address answers now, are not fetched again: who sees them decides.
 */

import { morph } from "./morph.js";

/** Request header; in the response, the name of the text. */
const NAME = "x-hotchannel-page";

/**
 * What came of a look at the server:
 * `current`: the page shows what the server sends now; `reload`: it can be had only that way; `ask`: the page
 * cannot be fetched again as it was; `failed`: the server answers with an error, which it tells by itself;
 * `away`: it does not answer at all.
 *
 * @typedef {"current" | "reload" | "ask" | "failed" | "away"} Outcome
 */

export class PageText {
  #url;
  #meta;
  #client;
  #token;
  /** @type {Promise<string | null>} */
  #before = Promise.resolve(null);

  /**
   * @param {URL} client where the client was served
   * @param {string} token
   * @param {HTMLMetaElement | null} meta what the server says of the page
   */
  constructor(client, token, meta) {
    // Routers change it later on; the text is that of this address.
    this.#url = location.href;
    this.#client = client;
    this.#token = token;
    this.#meta = meta;
    const name = meta?.dataset.page;
    if (name) this.#before = afterLoad().then(() => this.#kept(name));
  }

  /** Whether the server has failed to make this page. */
  get isFailure() {
    return this.#meta?.dataset.failed !== undefined;
  }

  /**
   * Fetch the page again, and change in the document what has changed in the text.
   *
   * @returns {Promise<Outcome>}
   */
  async refresh() {
    if (this.#meta?.dataset.method) return "ask";
    const response = await this.#fetchAgain();
    if (!response || [502, 503, 504].includes(response.status)) return "away";
    if (response.status >= 500) return "failed";
    const name = response.headers.get(NAME);
    if (response.redirected || !response.ok || !name) return "ask";
    const after = await response.text();
    const before = await this.#before;
    if (before === null || !isDone(before, after)) return "reload";
    this.#before = Promise.resolve(after);
    return "current";
  }

  async #fetchAgain() {
    try {
      return await fetch(this.#url, { headers: { accept: "text/html", [NAME]: "again" }, cache: "no-store" });
    } catch {
      return null;
    }
  }

  /**
   * @param {string} name
   * @returns {Promise<string | null>}
   */
  async #kept(name) {
    // The client is at `BASE/@vite/client`: what a proxy strips stays in front.
    const url = new URL(`../@hotchannel/page/${name}?token=${encodeURIComponent(this.#token)}`, this.#client);
    try {
      const response = await fetch(url, { cache: "no-store" });
      return response.ok ? await response.text() : null;
    } catch {
      return null;
    }
  }
}

/**
 * Do what has changed to the page.
 *
 * @param {string} before
 * @param {string} after
 * @returns {boolean} false where it takes a reload
 */
function isDone(before, after) {
  try {
    return morph(before, after) !== "reload";
  } catch (error) {
    console.warn(
      "[hotchannel] the page is reloaded, as it could not be changed in place;" +
        " a policy that demands Trusted Types forbids that:",
      error,
    );
    return false;
  }
}

/** @returns {Promise<unknown>} */
function afterLoad() {
  if (document.readyState === "complete") return Promise.resolve();
  return new Promise((resolve) => window.addEventListener("load", resolve, { once: true }));
}
