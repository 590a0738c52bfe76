/**
 * The socket: opened with token and position, kept alive, opened again when it is lost.
 *
 * A lost connection costs the page nothing: it asks its own origin until the server is back, reads the new
 * token and port from the served client, and resumes at the last message it saw. Knows no payload but
 * `ping` and the `seq` that the server's journal counts by. Follows protocol.md, sections 4 and 6.
 */

import { unpack } from "./binary.js";

/**
 * Where the socket is; what is null is as in the client's own URL.
 *
 * @typedef {object} Address
 * @property {string | null} protocol `ws` or `wss`
 * @property {string | null} hostname
 * @property {number | null} port
 * @property {string} base path of the socket
 * @property {string} directTarget `HOST:PORT/PATH` of the server itself, tried where the inferred port fails; empty
 *     where it is not known
 * @property {string} token
 */

/**
 * The address's names in the text of the served client.
 *
 * @type {Record<keyof Address, string>}
 */
const NAMES = {
  protocol: "wsProtocol",
  hostname: "wsHostname",
  port: "wsPort",
  base: "wsBase",
  directTarget: "wsDirectTarget",
  token: "wsToken",
};

/**
 * @typedef {object} Owner
 * @property {(socket: WebSocket) => void} opened
 * @property {(payload: any) => void} received one message, without its `seq`
 * @property {(socket: WebSocket) => void} lost
 * @property {(host: string) => void} waiting nothing answers at `host`; told before each attempt
 * @property {() => void} abandoned the server is there and serves no client any more
 * @property {{ info(...args: unknown[]): void, error(...args: unknown[]): void, warn(...args: unknown[]): void }} logger
 */

/** Milliseconds: a server that its own reloader restarts is back in less than a second. */
const FIRST_DELAY = 200;
const LONGEST_DELAY = 10_000;
const BACK_OFF = 1.5;
/** Milliseconds for a handshake or a request; proxies may leave either without any answer. */
const PATIENCE = 10_000;
const PING = JSON.stringify({ type: "ping" });
/** Messages that wait for a socket; a page that sends without end must not fill its memory. */
const OUTBOX_LIMIT = 1_000;
/** Bytes of those that are binary. */
const OUTBOX_BYTES = 16 * 1024 * 1024;

/** Keeps one socket open for as long as the page lives. */
export class Connection {
  #address;
  #client;
  #base;
  #serverHost;
  #timeout;
  #owner;
  #epoch = "";
  #seq = 0;
  /** `~SENDER.N`: messages seen before they had a number, while the server's backplane is away. */
  #ahead = "";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {(string | ArrayBuffer)[]} */
  #outbox = [];

  /**
   * @param {object} settings
   * @param {Address} settings.address
   * @param {URL} settings.client where the client was served
   * @param {string} settings.base path under which everything is served
   * @param {string} settings.serverHost for messages
   * @param {number} settings.timeout milliseconds between pings
   * @param {string} settings.position `EPOCH:SEQ` that the page was served at; empty where it is unknown
   * @param {Owner} owner
   */
  constructor({ address, client, base, serverHost, timeout, position }, owner) {
    this.#address = address;
    this.#client = client;
    this.#base = base;
    this.#serverHost = serverHost;
    this.#timeout = timeout;
    this.#owner = owner;
    if (position) this.#saw(position);
  }

  /** Open the socket and keep it open; ends only when there is no client to come back to. */
  async keepOpen() {
    let socket = await this.#connect();
    if (!socket) this.#explainFailure();
    for (;;) {
      socket ??= await this.#reconnect();
      if (!socket) break;
      await this.#serve(socket);
      socket = null;
    }
    this.#owner.abandoned();
  }

  /**
   * Send a payload, or a binary message, or keep it until the socket is open.
   *
   * @param {object | ArrayBuffer} payload
   */
  send(payload) {
    const message = payload instanceof ArrayBuffer ? payload : JSON.stringify(payload);
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(message);
    } else if (this.#outbox.length < OUTBOX_LIMIT && bytesOf(...this.#outbox, message) <= OUTBOX_BYTES) {
      this.#outbox.push(message);
    } else {
      this.#owner.logger.warn(`not connected, and ${this.#outbox.length} messages wait already: one was dropped`);
    }
  }

  /**
   * Stay with an open socket until it closes.
   *
   * @param {WebSocket} socket
   */
  async #serve(socket) {
    const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
    this.#socket = socket;
    for (const message of this.#outbox.splice(0)) socket.send(message);
    const pings = setInterval(() => socket.send(PING), this.#timeout);
    this.#owner.opened(socket);
    if (socket.readyState < WebSocket.CLOSING) await closed;
    clearInterval(pings);
    this.#socket = null;
    this.#owner.lost(socket);
  }

  /**
   * Wait for the server to come back, learn its address anew, and connect.
   *
   * @returns {Promise<WebSocket | null>} null where the client cannot be read any more
   */
  async #reconnect() {
    for (let delay = FIRST_DELAY; ; delay = Math.min(delay * BACK_OFF, LONGEST_DELAY)) {
      await nextTurn(delay);
      this.#owner.waiting(this.#host);
      if (!(await this.#isServerUp())) continue;
      const source = await this.#readClient();
      if (source === undefined) continue;
      const address = readAddress(source);
      if (!address) return null;
      this.#address = address;
      const socket = await this.#connect();
      if (socket) return socket;
    }
  }

  /** Where the socket is looked for first. */
  get #host() {
    const port = this.#address.port ?? this.#client.port;
    return `${this.#address.hostname ?? this.#client.hostname}${port && `:${port}`}`;
  }

  /** @returns {Promise<WebSocket | null>} open, or null where no address answers */
  async #connect() {
    const { protocol, port, base, directTarget } = this.#address;
    const scheme = protocol ?? (this.#client.protocol === "https:" ? "wss" : "ws");
    const inferred = this.#host + base;
    const socket = await this.#open(`${scheme}://${inferred}`);
    if (socket || port !== null || !directTarget) return socket;
    const direct = await this.#open(`${scheme}://${directTarget}`);
    if (direct) {
      this.#owner.logger.info(
        `connected to ${directTarget} directly, because ${inferred} does not answer WebSocket requests; ` +
          "let the proxy in between pass them on, or set `ws.client_port`",
      );
    }
    return direct;
  }

  /**
   * @param {string} url
   * @returns {Promise<WebSocket | null>}
   */
  #open(url) {
    const position = this.#epoch && `&resume=${this.#epoch}:${this.#seq}${this.#ahead}`;
    return new Promise((resolve) => {
      /** @type {WebSocket} */
      let socket;
      try {
        socket = new WebSocket(`${url}?token=${this.#address.token}&binary=1${position}`, "vite-hmr");
        socket.binaryType = "arraybuffer";
      } catch {
        // A page on https may not open ws: the constructor says so at once.
        resolve(null);
        return;
      }
      const limit = setTimeout(() => socket.close(), PATIENCE);
      socket.addEventListener("message", ({ data }) => this.#receive(data));
      socket.addEventListener("open", () => {
        clearTimeout(limit);
        resolve(socket);
      });
      socket.addEventListener("close", () => {
        clearTimeout(limit);
        resolve(null);
      });
    });
  }

  /** @param {string | ArrayBuffer} message */
  #receive(message) {
    if (typeof message === "string") {
      const { seq, ...payload } = JSON.parse(message);
      if (seq !== undefined) this.#saw(seq);
      this.#owner.received(payload);
    } else {
      const { event, data, meta, seq } = unpack(message);
      if (seq !== undefined) this.#saw(seq);
      this.#owner.received({ type: "custom", event, data: { data, meta } });
    }
  }

  /** @param {number | string} seq the number of a message, or all of `EPOCH:SEQ~SENDER.N` */
  #saw(seq) {
    const [, epoch, digits, ahead] = /^(?:(.*):)?(\d*)(~.*)?$/.exec(String(seq)) ?? [];
    if (epoch !== undefined && epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#seq = 0;
    }
    this.#seq = Math.max(this.#seq, Number(digits));
    this.#ahead = ahead ?? "";
  }

  /**
   * Ask by `vite-ping`, in its HTTP form: a WSGI server answers no WebSocket on the page's own port.
   *
   * @returns {Promise<boolean>}
   */
  async #isServerUp() {
    try {
      const response = await fetch(new URL(this.#base, this.#client), {
        headers: { Accept: "text/x-vite-ping" },
        cache: "no-store",
        // Another origin's server has to let this page in (`cors`), or it would not have its client.
        mode: "cors",
        signal: AbortSignal.timeout(PATIENCE),
      });
      return response.status < 500;
    } catch {
      return false;
    }
  }

  /**
   * @returns {Promise<string | undefined>} the client's text; empty where it is served no more, undefined
   *     where the server, or a proxy ahead of it, is not ready yet
   */
  async #readClient() {
    try {
      const response = await fetch(this.#client, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      if (response.ok) return await response.text();
      return response.status >= 500 ? undefined : "";
    } catch {
      return undefined;
    }
  }

  #explainFailure() {
    const { port, base, directTarget } = this.#address;
    this.#owner.logger.error(
      "The socket for updates cannot be opened; saving a file will not change this page.\n" +
        `  pages:  ${this.#client.host} (server ${this.#serverHost})\n` +
        `  socket: ${this.#host}${base}${port === null && directTarget ? `, then ${directTarget}` : ""}\n` +
        "Check that the server runs, that a proxy in between passes WebSocket requests on, and that " +
        "`ws.port`, `ws.client_port` and `ws.allowed_hosts` fit. Trying again.",
    );
  }
}

/** @param {(string | ArrayBuffer)[]} messages */
function bytesOf(...messages) {
  return messages.reduce((sum, message) => sum + (message instanceof ArrayBuffer ? message.byteLength : 0), 0);
}

/**
 * Read the address out of the text of a served client.
 *
 * @param {string} source
 * @returns {Address | null} null where it is no client's text
 */
function readAddress(source) {
  /** @type {Record<string, unknown>} */
  const address = {};
  for (const [key, name] of Object.entries(NAMES)) {
    const value = new RegExp(`^const ${name} = (.+);$`, "m").exec(source)?.[1];
    if (value === undefined) return null;
    address[key] = JSON.parse(value);
  }
  return /** @type {Address} */ (/** @type {unknown} */ (address));
}

/**
 * Wait for a time, and for the tab to be visible; a tab that is shown again waits no longer.
 *
 * @param {number} delay milliseconds
 * @returns {Promise<void>}
 */
function nextTurn(delay) {
  return new Promise((resolve) => {
    const timer = setTimeout(proceed, delay);
    globalThis.document?.addEventListener("visibilitychange", proceed);
    function proceed() {
      if (globalThis.document?.visibilityState === "hidden") return;
      clearTimeout(timer);
      globalThis.document?.removeEventListener("visibilitychange", proceed);
      resolve();
    }
  });
}
