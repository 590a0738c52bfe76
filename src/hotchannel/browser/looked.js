/**
 * What a page tells of itself while an inspector looks at it: where it is, and how long updates take.
 *
 * The server asks now and then; a page that was not asked lately tells nothing.
 */

/** Milliseconds for which one question holds; the next comes well before they are over. */
const HOLDS = 5_000;

/** Answers the server's questions. */
export class LookedAt {
  #send;
  #until = 0;

  /** @param {(event: string, data: object) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * Answer a question at once: the time until the answer is there is the distance.
   *
   * @param {{ type: string, event?: string, data?: any }} payload
   * @returns {boolean} false where it is none
   */
  asked({ type, event, data }) {
    if (type !== "custom" || event !== "hotchannel:look") return false;
    this.#until = performance.now() + HOLDS;
    this.#send("hotchannel:seen", { id: data?.id, page: globalThis.location?.pathname });
    return true;
  }

  /**
   * An update is in the page.
   *
   * @param {number | undefined} timestamp of the update; none where it has no modules
   * @param {number} came when it came
   */
  applied(timestamp, came) {
    const now = performance.now();
    if (timestamp !== undefined && now < this.#until) this.#send("hotchannel:applied", { timestamp, ms: now - came });
  }
}
