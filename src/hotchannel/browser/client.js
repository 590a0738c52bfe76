/**
 * The browser client, served at `/@vite/client`: fills in the server's settings and wires the parts.
 *
 * Messages are handled strictly one after another. The exports are what served modules import, under
 * Vite's names. Follows protocol.md, sections 4 to 6.
 */

import { isBinary, pack } from "./binary.js";
import { Connection } from "./connection.js";
import { ConsoleForwarder } from "./console.js";
import { HotRuntime } from "./context.js";
import { ModuleErrors } from "./errors.js";
import { LookedAt } from "./looked.js";
import { hideNotice, showNotice } from "./notice.js";
import { clearOverlay, ErrorOverlay, showOverlay } from "./overlay.js";
import { hasDocument, isShowing, loadedFiles, meta, position, scheduleReload, scriptsRan } from "./page.js";
import { PageText } from "./refresh.js";
import { removeStyle, swapStylesheets, updateStyle } from "./styles.js";
import { injectQuery, moduleUrl } from "./urls.js";

export { createHotContext, ErrorOverlay, injectQuery, removeStyle, updateStyle };

// One line each, `const NAME = JSON;`: a page that reconnects reads them out of the text.
const base = __BASE__;
const serverHost = __SERVER_HOST__;
const wsProtocol = __WS_PROTOCOL__;
const wsHostname = __WS_HOSTNAME__;
const wsPort = __WS_PORT__;
const wsDirectTarget = __WS_DIRECT_TARGET__;
const wsBase = __WS_BASE__;
const wsTimeout = __WS_TIMEOUT__;
const wsOverlay = __WS_OVERLAY__;
const wsToken = __WS_TOKEN__;
const servedAt = __SERVED_AT__;
/** @type {Record<string, unknown>} */
const defines = __DEFINES__;
const forwardedMethods = __FORWARD_CONSOLE__;

for (const [name, value] of Object.entries(defines)) define(name, value);

/** @typedef {import("./context.js").Instances} Instances */
/** @typedef {import("./context.js").ModuleUpdate} ModuleUpdate */
/** @typedef {import("./overlay.js").ErrorDetail} ErrorDetail */
/** @typedef {{ type: "css-update", path: string, timestamp: number }} StyleUpdate */
/** @typedef {{ type: "js-update" } & ModuleUpdate} ScriptUpdate */
/**
 * What the server sends; other types are ignored.
 *
 * @typedef {{ type: "connected" }
 *   | { type: "update", updates: Array<ScriptUpdate | StyleUpdate> }
 *   | { type: "full-reload", path?: string, triggeredBy?: string, morph?: boolean }
 *   | { type: "prune", paths: string[] }
 *   | { type: "error", err: ErrorDetail }
 *   | { type: "custom", event: string, data?: unknown }} Payload
 */

const client = new URL(import.meta.url);
const site = { base, origin: client.origin };

/** The console, with lines that say whose they are. */
const logger = {
  debug: console.debug.bind(console, "[hotchannel]"),
  info: console.info.bind(console, "[hotchannel]"),
  warn: console.warn.bind(console, "[hotchannel]"),
  error: console.error.bind(console, "[hotchannel]"),
};

const runtime = new HotRuntime({
  importModule: (update) => import(moduleUrl(update, base)),
  importFailed,
  send: (event, data, meta) =>
    connection.send(isBinary(data) ? pack(event, data, meta) : { type: "custom", event, data }),
  logger,
});

const lookedAt = new LookedAt((event, data) => connection.send({ type: "custom", event, data }));

const moduleErrors = new ModuleErrors(site, showError);

const pageText = hasDocument ? new PageText(client, wsToken, meta) : null;

/** Whether an error was shown, and none of it has been mended since. */
let isErrorStanding = false;

let isConnected = false;

/** Whether a connection was lost before: the server may be another one, which knows nothing of this page. */
let wasLost = false;

/** Ends when all messages so far are handled. */
let handled = Promise.resolve();

const connection = new Connection(
  {
    address: {
      protocol: wsProtocol,
      hostname: wsHostname,
      port: wsPort,
      base: wsBase,
      directTarget: wsDirectTarget,
      token: wsToken,
    },
    client,
    base,
    serverHost,
    timeout: wsTimeout,
    // The page is older than its scripts, and may have missed more.
    position: position || servedAt,
  },
  {
    opened(webSocket) {
      isConnected = true;
      if (hasDocument) hideNotice();
      if (wasLost && hasDocument) tellLoaded();
      enqueue(() => runtime.emit("vite:ws:connect", { webSocket }));
    },
    received(payload) {
      if (lookedAt.asked(payload)) return;
      const came = performance.now();
      const meant = runtime.instances(modulesOf(payload));
      enqueue(() => handle(payload, meant, came));
    },
    lost(webSocket) {
      isConnected = false;
      wasLost = true;
      logger.debug("connection lost");
      enqueue(() => runtime.emit("vite:ws:disconnect", { webSocket }));
    },
    waiting(host) {
      const state = wasLost ? "server connection lost \u2013 reconnecting" : `no connection to ${host} yet \u2013 trying`;
      if (hasDocument) showNotice(`${state}\u2026`);
    },
    abandoned: scheduleReload,
    logger,
  },
);

const forwarder =
  forwardedMethods &&
  new ConsoleForwarder({
    send: (data) => connection.send({ type: "custom", event: "vite:forward-console", data }),
    isOpen: () => isConnected,
    isTold: () => isErrorStanding,
    site,
  });

if (hasDocument) moduleErrors.watch();
// What `logger` writes is not forwarded: of that the server knows.
if (forwardedMethods) forwarder?.watch(forwardedMethods);
logger.debug("connecting\u2026");
if (hasDocument) logger.debug(`inspector: ${new URL(`${base}@hotchannel/?token=${encodeURIComponent(wsToken)}`, client)}`);
void connection.keepOpen();

function tellLoaded() {
  connection.send({ type: "custom", event: "hotchannel:loaded", data: loadedFiles(site.origin) });
}

/**
 * Make a module's `import.meta.hot`.
 *
 * @param {string} path the module's URL, without base, decoded
 */
function createHotContext(path) {
  return runtime.createContext(path);
}

/**
 * Set a global name, or a property of one.
 *
 * @param {string} name dotted
 * @param {unknown} value
 */
function define(name, value) {
  const path = name.split(".");
  const last = /** @type {string} */ (path.pop());
  /** @type {any} */
  let owner = globalThis;
  for (const part of path) owner = owner[part] ??= {};
  owner[last] = value;
}

/**
 * The modules whose instances a message is about.
 *
 * @param {Payload} payload
 * @returns {string[]}
 */
function modulesOf(payload) {
  if (payload.type === "prune") return payload.paths;
  const updates = payload.type === "update" ? payload.updates : [];
  return updates.flatMap((entry) => (entry.type === "js-update" ? entry.acceptedPath : []));
}

/** @param {() => Promise<void>} job */
function enqueue(job) {
  handled = handled.then(job).catch(logger.error);
}

/**
 * @param {Payload} payload
 * @param {Instances} meant what was there when it came
 * @param {number} came when it came
 */
async function handle(payload, meant, came) {
  switch (payload.type) {
    case "connected":
      logger.debug("connected");
      break;
    case "update":
      await scriptsRan;
      await runtime.emit("vite:beforeUpdate", payload);
      if (await update(payload.updates, meant)) {
        await runtime.emit("vite:afterUpdate", payload);
        lookedAt.applied(payload.updates[0]?.timestamp, came);
      }
      break;
    case "full-reload":
      // Pages of another file go on, and their modules are told nothing.
      if (payload.path?.endsWith(".html") && !isShowing(payload.path, base)) break;
      if (payload.morph && (await refresh())) break;
      await runtime.emit("vite:beforeFullReload", payload);
      scheduleReload();
      break;
    case "prune":
      await runtime.emit("vite:beforePrune", payload);
      await runtime.prune(meant);
      break;
    case "error":
      await runtime.emit("vite:error", payload);
      showError(payload.err);
      break;
    case "custom":
      await runtime.emit(payload.event, payload.data);
      break;
  }
}

/**
 * Bring the page up to date without a reload.
 *
 * @returns {Promise<boolean>} false where nothing but a reload will do
 */
async function refresh() {
  // What failed to load took its importers with it.
  if (!pageText || pageText.isFailure || (moduleErrors.loadFailed && isErrorStanding)) return false;
  await scriptsRan;
  await runtime.emit("hotchannel:beforeRefresh", undefined);
  const outcome = await pageText.refresh();
  if (outcome === "current") {
    errorMended();
    await runtime.emit("hotchannel:afterRefresh", undefined);
  } else if (outcome === "ask") {
    showNotice("This page has changed on the server.", { label: "Reload", act: () => location.reload() });
  }
  return outcome !== "reload";
}

function errorMended() {
  isErrorStanding = false;
  if (hasDocument) clearOverlay();
}

/**
 * @param {ReadonlyArray<ScriptUpdate | StyleUpdate>} updates none: the last error was mended
 * @param {Instances} meant
 * @returns {Promise<boolean>} false where the page reloads instead
 */
async function update(updates, meant) {
  const scripts = updates.filter((entry) => entry.type === "js-update");
  // What failed to load took its importers with it; no update would run them.
  const hasNeverRun = () => isErrorStanding || scripts.some(({ path }) => !runtime.has(path));
  if ((moduleErrors.loadFailed && hasNeverRun()) || (pageText?.isFailure && updates.length === 0)) {
    scheduleReload();
    return false;
  }
  errorMended();
  const styles = hasDocument ? updates.filter((entry) => entry.type === "css-update") : [];
  await Promise.all([runtime.update(scripts, meant), ...styles.map((entry) => swapStylesheets(entry, site, logger))]);
  return true;
}

/**
 * @param {ModuleUpdate} update
 * @param {unknown} error
 */
async function importFailed(update, error) {
  const { acceptedPath, isWithinCircularImport } = update;
  logger.error(error);
  logger.error(`Failed to reload ${acceptedPath}; the page keeps the module it had.`);
  forwarder?.updateFailed(error);
  if (isWithinCircularImport) {
    logger.info(`${acceptedPath} is part of an import cycle: the page is reloaded to run it in the right order.`);
    scheduleReload();
  } else if (hasDocument) {
    await moduleErrors.locate(moduleUrl(update, base), error);
  }
}

/** @param {ErrorDetail} error */
function showError(error) {
  isErrorStanding = true;
  forwarder?.told();
  if (hasDocument && wsOverlay) showOverlay(error, openInEditor);
  else logger.error([error.message, error.frame, error.stack].filter(Boolean).join("\n"));
}

/**
 * Ask the server to open a place in the user's editor.
 *
 * @param {string} place `FILE:LINE:COLUMN`
 * @returns {Promise<string>} why it was not opened; empty where it was
 */
async function openInEditor(place) {
  const query = `file=${encodeURIComponent(place)}&token=${encodeURIComponent(wsToken)}`;
  try {
    const response = await fetch(new URL(`${base}__open-in-editor?${query}`, client), { method: "POST" });
    return response.ok ? "" : await response.text();
  } catch {
    return "The server does not answer.";
  }
}
