/**
 * Stylesheets: those that modules inject, and those that the page links.
 *
 * Invariant: at no time is a page without a style that it had and still has. An injected one keeps its
 * element, and so its place; a linked one goes only when its successor has loaded.
 */

import { cspNonce } from "./page.js";
import { restamp, withoutTimestamp } from "./urls.js";

const ID = "data-vite-dev-id";

/** Milliseconds after which later messages wait no longer for a stylesheet to load. */
const PATIENCE = 10_000;

/** @type {WeakSet<HTMLLinkElement>} links whose successor is loading */
const outdated = new WeakSet();

/**
 * Inject a module's CSS, or change it where it is.
 *
 * @param {string} id
 * @param {string} css
 */
export function updateStyle(id, css) {
  if (typeof document === "undefined") return;
  const known = findStyle(id);
  if (known) {
    if (known.textContent !== css) known.textContent = css;
    return;
  }
  const style = document.createElement("style");
  style.setAttribute("type", "text/css");
  style.setAttribute(ID, id);
  const nonce = cspNonce();
  if (nonce) style.setAttribute("nonce", nonce);
  style.textContent = css;
  // Modules run in import order, so that the order of the elements is the order of the imports.
  document.head.append(style);
}

/**
 * Take a module's CSS out of the page.
 *
 * @param {string} id
 */
export function removeStyle(id) {
  if (typeof document !== "undefined") findStyle(id)?.remove();
}

/**
 * Load the newest text of a linked stylesheet, wherever the page links it.
 *
 * @param {{ path: string, timestamp: number }} update
 * @param {object} site
 * @param {string} site.base path under which everything is served
 * @param {string} site.origin
 * @param {{ debug(...args: unknown[]): void, error(...args: unknown[]): void }} logger
 */
export async function swapStylesheets({ path, timestamp }, { base, origin }, logger) {
  /** @type {NodeListOf<HTMLLinkElement>} */
  const links = document.querySelectorAll("link[href]");
  const concerned = [...links].filter(
    (link) => link.relList.contains("stylesheet") && !outdated.has(link) && isAt(address(link), path, base, origin),
  );
  await Promise.all(
    concerned.map(async (link) => {
      if (await replace(link, timestamp)) logger.debug(`css hot updated: ${path}`);
      else logger.error(`Failed to load ${path}; the page keeps the stylesheet it had.`);
    }),
  );
}

/**
 * The URL that a link was loaded from. `href` changes its meaning where a router has changed the page's URL.
 *
 * @param {HTMLLinkElement} link
 */
function address(link) {
  return link.sheet?.href ?? link.href;
}

/**
 * @param {string} href absolute
 * @param {string} path as on the wire
 * @param {string} base
 * @param {string} origin
 */
function isAt(href, path, base, origin) {
  const url = URL.canParse(href) ? new URL(href) : null;
  if (url?.origin !== origin) return false;
  return withoutTimestamp(url.href) === new URL(base + withoutTimestamp(path).slice(1), origin).href;
}

/**
 * @param {HTMLLinkElement} link
 * @param {number} timestamp
 * @returns {Promise<boolean>} whether the new one took over, or at least has not failed in time
 */
function replace(link, timestamp) {
  const successor = /** @type {HTMLLinkElement} */ (link.cloneNode());
  successor.href = restamp(address(link), timestamp);
  // The text has changed, so its hash has.
  successor.removeAttribute("integrity");
  if (link.disabled) {
    // Not loaded before it is enabled, and then from its new address.
    link.replaceWith(successor);
    return Promise.resolve(true);
  }
  outdated.add(link);
  return new Promise((resolve) => {
    successor.addEventListener("load", () => {
      // A theme switcher may have turned the sheet off, which no attribute shows.
      if (link.sheet?.disabled && successor.sheet) successor.sheet.disabled = true;
      link.remove();
      resolve(true);
    });
    successor.addEventListener("error", () => {
      outdated.delete(link);
      successor.remove();
      resolve(false);
    });
    setTimeout(() => resolve(true), PATIENCE);
    link.after(successor);
  });
}

/**
 * @param {string} id
 * @returns {HTMLStyleElement | null}
 */
function findStyle(id) {
  return document.querySelector(`style[${ID}="${CSS.escape(id)}"]`);
}
