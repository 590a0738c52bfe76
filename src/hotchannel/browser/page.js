/**
 * What the server wrote into this page, and which file the page shows.
 *
 * Modules also run in workers, where there is no document: everything here then answers as for no page.
 */

import { withoutTimestamp } from "./urls.js";

/** Milliseconds within which several reasons to reload are one. */
const RELOAD_DELAY = 20;

export const hasDocument = typeof document !== "undefined";

/** The path that the document was asked for at; routers change `location` later on. */
const servedPath = hasDocument ? decodePath(location.pathname) : "";

/**
 * What the server says of the page.
 *
 * @type {HTMLMetaElement | null}
 */
export const meta = hasDocument ? document.querySelector('meta[name="hotchannel-page"]') : null;

/** `EPOCH:SEQ` that the page was served at; empty where it does not say. */
export const position = meta?.content ?? "";

/**
 * Settled when the scripts in the page's own text have run. Before that an update finds no module to
 * replace, though the old text of one may be on its way.
 *
 * @type {Promise<unknown>}
 */
export const scriptsRan = new Promise((resolve) => {
  if (!hasDocument || document.readyState === "complete") {
    resolve(undefined);
  } else {
    document.addEventListener("DOMContentLoaded", resolve, { once: true });
    // For a client that came late, and may have missed the other.
    window.addEventListener("load", resolve, { once: true });
  }
});

/** How many loaded files a browser remembers; its own measure is a quarter of that of a large page. */
const LOADED_LIMIT = 2_000;

if (hasDocument) performance.setResourceTimingBufferSize(LOADED_LIMIT);

/**
 * The scripts and stylesheets that this page has loaded from its server, for one that was started meanwhile.
 *
 * @param {string} origin
 * @returns {{ url: string, stylesheet: boolean, asked: number }[]} `url` is path and query, as they were asked for,
 *   `asked` when they were last: milliseconds since 1970
 */
export function loadedFiles(origin) {
  /** @type {PerformanceResourceTiming[]} */
  const entries = /** @type {any} */ (performance.getEntriesByType("resource"));
  const files = new Map();
  for (const { name, initiatorType, startTime } of entries) {
    const isStylesheet = ["link", "css"].includes(initiatorType) && /\.css(?:\?|$)/.test(name);
    if (!name.startsWith(`${origin}/`) || name.includes("/@") || initiatorType === "img") continue;
    if (!isStylesheet && !["script", "other", "link"].includes(initiatorType)) continue;
    const url = withoutTimestamp(name).slice(origin.length);
    const asked = Math.floor(performance.timeOrigin + startTime);
    files.set(`${url} ${isStylesheet}`, { url, stylesheet: isStylesheet, asked });
  }
  return [...files.values()];
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let reloadTimer;

/** Reload the page in a moment, once. */
export function scheduleReload() {
  clearTimeout(reloadTimer);
  if (hasDocument) reloadTimer = setTimeout(() => location.reload(), RELOAD_DELAY);
}

/**
 * Tell whether this page was made from an HTML file: it has the file's path, or its folder's, or the
 * server says that the file answered in place of a missing one.
 *
 * @param {string} file the file's URL path, without base, decoded
 * @param {string} base
 */
export function isShowing(file, base) {
  if (meta?.dataset.fallback === file) return true;
  const shown = servedPath.endsWith("/") ? `${servedPath}index.html` : servedPath;
  return shown === decodePath(base) + file.slice(1);
}

/**
 * The nonce by which a Content-Security-Policy lets elements in: from `<meta property="csp-nonce">`, else
 * that of a script of the page.
 *
 * @returns {string | undefined}
 */
export function cspNonce() {
  /** @type {HTMLMetaElement | null} */
  const declared = document.querySelector('meta[property="csp-nonce"]');
  /** @type {HTMLScriptElement | null} */
  const script = document.querySelector("script[nonce]");
  return declared?.nonce || declared?.content || script?.nonce || undefined;
}

/**
 * Percent-decode a path; one that is malformed stays as it is.
 *
 * @param {string} path
 */
export function decodePath(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
