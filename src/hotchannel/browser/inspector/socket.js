/**
 * The inspector's line to the channel.
 *
 * It asks to be told and then hears only what is meant for it. When the line is lost, the page opens itself anew
 * as soon as the server is back: with the token that its client says by then.
 */

/**
 * @typedef {object} Settings
 * @property {string} base path under which everything is served
 * @property {string | null} protocol
 * @property {string | null} hostname
 * @property {number | null} port
 * @property {string} path of the socket
 */

const AGAIN = 1_000;
const PING = 20_000;

/** A socket that tells `told` of what came, and `state` of itself. */
export class Socket {
  #settings;
  #told;
  #state;
  #socket;

  /**
   * @param {Settings} settings
   * @param {(sections: Record<string, any>) => void} told
   * @param {(state: "open" | "waiting" | "shut", text: string) => void} state
   */
  constructor(settings, told, state) {
    this.#settings = settings;
    this.#told = told;
    this.#state = state;
    this.#socket = this.#open();
  }

  /**
   * @param {string} event
   * @param {unknown} [data]
   */
  send(event, data) {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type: "custom", event, data }));
    }
  }

  #open() {
    const { protocol, hostname, port, path } = this.#settings;
    const scheme = protocol ?? (location.protocol === "https:" ? "wss" : "ws");
    const token = encodeURIComponent(new URLSearchParams(location.search).get("token") ?? "");
    const host = `${hostname ?? location.hostname}:${port ?? location.port}`.replace(/:$/, "");
    // Whoever asks to resume is never given the reload that is kept for the next page.
    const socket = new WebSocket(`${scheme}://${host}${path}?token=${token}&resume=:0`, "vite-hmr");
    const pings = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "ping" }));
    }, PING);
    socket.addEventListener("open", () => {
      this.#state("open", "connected");
      this.send("hotchannel:inspect");
    });
    socket.addEventListener("message", ({ data }) => {
      const payload = JSON.parse(data);
      if (payload.type === "custom" && payload.event === "hotchannel:inspected") this.#told(payload.data);
    });
    socket.addEventListener("close", () => {
      clearInterval(pings);
      void this.#comeBack();
    });
    return socket;
  }

  async #comeBack() {
    for (;;) {
      this.#state("waiting", "waiting for the server…");
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
      const token = await this.#readToken();
      if (token !== null) {
        location.replace(`?token=${encodeURIComponent(token)}`);
        return;
      }
    }
  }

  /** @returns {Promise<string | null>} null where the server is not there */
  async #readToken() {
    try {
      const response = await fetch(`${this.#settings.base}@vite/client`, { cache: "no-store" });
      const found = /^const wsToken = (".*");$/m.exec(await response.text());
      return found?.[1] ? JSON.parse(found[1]) : null;
    } catch {
      return null;
    }
  }
}
