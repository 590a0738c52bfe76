/**
 * The error overlay: `<vite-error-overlay>`, over the page until it is closed or the error is mended.
 *
 * Everything comes in as text and is set as text, so a message cannot become markup. Class and part names
 * are Vite's, for the style sheets and tests that know them. The place is a button that opens it in the
 * user's editor, where somebody was given who can.
 */

/**
 * What the overlay shows: `err` of an `error` message.
 *
 * @typedef {object} ErrorDetail
 * @property {string} message what is wrong in the first line; the way out in the others
 * @property {string} stack
 * @property {string} [id] the file
 * @property {string} [frame] source lines with numbers, and a caret below the place
 * @property {string} [plugin] who found it
 * @property {{ file?: string, line: number, column: number }} [loc] line from 1, column from 0
 */

/** @typedef {(place: string) => Promise<string>} OpenPlace opens `FILE:LINE:COLUMN`; gives why it did not, or nothing */

const TAG = "vite-error-overlay";

/** A line of a code frame: its number and bar, then the code. */
const FRAME_LINE = /^(>?\s*\d*\s*\|)(.*)$/s;
const CARET_LINE = /^\s*\|[\s~^]*\^[\s~^]*$/;

const SHEET = `
  :host {
    position: fixed;
    inset: 0;
    z-index: 99999;
  }
  dialog {
    all: initial;
    position: fixed;
    inset: 0;
    width: 100%;
    height: 100%;
    box-sizing: border-box;
    overflow-y: auto;
    overscroll-behavior: contain;
    padding: clamp(12px, 6vh, 64px) clamp(12px, 4vw, 48px);
    background: rgb(9 10 15 / 72%);
    --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
    --text: #e4e7f0;
    --dim: #9aa1b5;
    --line: #2d3140;
    --panel: #171922;
    --well: #10121a;
    --red: #ff7b7b;
    --red-tint: rgb(255 92 92 / 14%);
    --blue: #7fc4ff;
    --violet: #c9a8ff;
    color-scheme: dark;
  }
  dialog::backdrop { background: transparent; }
  .window {
    position: relative;
    display: block;
    box-sizing: border-box;
    max-width: 980px;
    margin: 0 auto;
    padding: 26px 30px 22px;
    border-radius: 12px;
    border: 1px solid var(--line);
    background: var(--panel);
    box-shadow: inset 0 4px 0 var(--red), 0 24px 64px rgb(0 0 0 / 55%);
    color: var(--text);
    font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
    text-align: left;
    direction: ltr;
    outline: none;
  }
  h1 {
    margin: 0 44px 0 0;
    font-size: 19px;
    font-weight: 600;
    line-height: 1.4;
    color: var(--red);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .plugin {
    margin-right: 5px;
    padding: 2px 8px;
    border-radius: 6px;
    background: rgb(201 168 255 / 14%);
    color: var(--violet);
    font: 500 12px/1.6 var(--mono);
    vertical-align: 2px;
  }
  .advice {
    margin: 12px 0 0;
    color: var(--text);
    font: 14px/1.6 var(--mono);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .file {
    margin: 14px 0 0;
    color: var(--blue);
    font: 13.5px/1.5 var(--mono);
    overflow-wrap: anywhere;
  }
  .file-link {
    all: unset;
    cursor: pointer;
    text-decoration: underline;
    text-decoration-color: rgb(127 196 255 / 45%);
    text-underline-offset: 3px;
  }
  .file-link:hover { text-decoration-color: currentcolor; }
  .told { margin-top: 6px; color: var(--dim); font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
  .frame, .stack {
    margin: 14px 0 0;
    border: 1px solid var(--line);
    border-radius: 8px;
    background: var(--well);
    overflow: auto;
    font-family: var(--mono);
    white-space: pre;
    tab-size: 2;
    scrollbar-width: thin;
    scrollbar-color: #4a5064 transparent;
  }
  .frame { padding: 10px 0; font-size: 14px; line-height: 1.6; }
  .line { display: block; width: max-content; min-width: 100%; box-sizing: border-box; padding: 0 16px; }
  .gutter { color: #6d7489; user-select: none; }
  .failing { background: var(--red-tint); }
  .failing .gutter { color: var(--red); }
  .caret { color: var(--red); font-weight: 700; }
  .stack { max-height: 30vh; padding: 12px 16px; color: var(--dim); font-size: 12.5px; line-height: 1.6; }
  .tip {
    margin: 18px 0 0;
    padding-top: 14px;
    border-top: 1px solid var(--line);
    color: var(--dim);
    font-size: 13px;
  }
  kbd {
    padding: 1px 6px;
    border: 1px solid #414760;
    border-bottom-width: 2px;
    border-radius: 5px;
    background: #232736;
    color: var(--text);
    font: 11.5px/1.5 var(--mono);
  }
  .close {
    all: unset;
    position: absolute;
    top: 18px;
    right: 18px;
    width: 32px;
    height: 32px;
    border-radius: 8px;
    color: var(--dim);
    font-size: 22px;
    line-height: 30px;
    text-align: center;
    cursor: pointer;
  }
  .close:hover { background: #262a38; color: var(--text); }
  :is(button, .frame, .stack):focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
  @media (max-width: 560px) {
    .window { padding: 20px 18px 18px; }
    h1 { font-size: 17px; }
    .frame { font-size: 13px; }
  }
`;

/** In a worker there are no elements; the class is exported all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/** The overlay's element; it shows once it is put into a document. */
export class ErrorOverlay extends Base {
  #dialog;

  /**
   * @param {ErrorDetail} error
   * @param {OpenPlace} [openPlace]
   */
  constructor(error, openPlace) {
    super();
    const root = this.attachShadow({ mode: "open" });
    // A sheet that is adopted needs no leave of a Content-Security-Policy.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(SHEET);
    root.adoptedStyleSheets = [sheet];
    this.#dialog = this.#render(error, openPlace);
    root.append(this.#dialog);
  }

  connectedCallback() {
    // Modal: over everything, focus kept inside and given back.
    if (!this.#dialog.open) this.#dialog.showModal();
    document.addEventListener("keydown", this.#closeOnEscape);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#closeOnEscape);
  }

  /** Take the overlay away, and let the page have its focus again. */
  close() {
    // In this order, since a dialog out of the document gives no focus back.
    this.#dialog.close();
    this.remove();
  }

  /** @param {KeyboardEvent} event */
  #closeOnEscape = (event) => {
    if (event.key === "Escape") this.close();
  };

  /**
   * @param {ErrorDetail} error
   * @param {OpenPlace} [openPlace]
   */
  #render({ message, stack, id, frame, plugin, loc }, openPlace) {
    const [, summary = "", advice = ""] = /^([^\n]*)\n*([^]*)$/.exec(message.trim()) ?? [];
    const file = (loc?.file ?? id ?? "").split("?")[0] ?? "";
    const place = loc && file ? `${file}:${loc.line}:${loc.column + 1}` : file;
    const body = element("span", "message-body");
    body.append(element("h1", "summary", plugin && element("span", "plugin", plugin), plugin && " ", summary));
    if (advice) body.append("\n", element("pre", "advice", advice.trimEnd()));

    const close = element("button", "close", "\u00d7");
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => this.close());

    const box = element("div", "window", close, element("div", "message", body));
    if (place) box.append(element("div", "file", ...(openPlace ? link(place, openPlace) : [place])));
    if (frame?.trim()) box.append(scrollable(element("pre", "frame", ...frameLines(frame)), "Source"));
    if (stack.trim()) box.append(scrollable(element("pre", "stack", stack.trimEnd()), "Stack"));
    const key = element("kbd", "", "Esc");
    box.append(element("div", "tip", "It goes away when the error is fixed. To close it, press ", key, " or click outside."));
    box.tabIndex = -1;
    box.autofocus = true;

    const dialog = /** @type {HTMLDialogElement} */ (element("dialog", "backdrop", box));
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.setAttribute("aria-label", `Error: ${summary}`);
    // However a browser closes it: a phone's back gesture knows no key.
    dialog.addEventListener("close", () => this.remove());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) this.close();
    });
    return dialog;
  }
}

if (globalThis.customElements && !customElements.get(TAG)) customElements.define(TAG, ErrorOverlay);

/**
 * Show an error in place of the one that is shown.
 *
 * @param {ErrorDetail} error
 * @param {OpenPlace} [openPlace]
 */
export function showOverlay(error, openPlace) {
  clearOverlay();
  document.body.append(new ErrorOverlay(error, openPlace));
}

/** Take the overlay away, if there is one. */
export function clearOverlay() {
  for (const overlay of document.querySelectorAll(TAG)) /** @type {ErrorOverlay} */ (overlay).close();
}

/**
 * Make a place into a button, and room for what comes of it.
 *
 * @param {string} place
 * @param {OpenPlace} openPlace
 */
function link(place, openPlace) {
  const button = element("button", "file-link", place);
  button.title = "Open in your editor";
  const told = element("div", "told");
  told.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    told.textContent = "";
    told.textContent = (await openPlace(place)) || "Opened in your editor.";
  });
  return [button, told];
}

/**
 * Lay out a code frame: numbers apart from code, the failing line (the one above the caret) marked.
 *
 * @param {string} frame
 */
function frameLines(frame) {
  const lines = frame.replace(/^\n+|\s+$/g, "").split("\n");
  return lines.map((line, index) => {
    const [, gutter = "", code = line] = FRAME_LINE.exec(line) ?? [];
    const isCaret = CARET_LINE.test(line);
    const isFailing = isCaret || CARET_LINE.test(lines[index + 1] ?? "");
    const kind = `line${isFailing ? " failing" : ""}${isCaret ? " caret" : ""}`;
    return element("span", kind, element("span", "gutter", gutter), `${code}\n`);
  });
}

/**
 * Let an element be scrolled by keyboard.
 *
 * @param {HTMLElement} target
 * @param {string} label
 */
function scrollable(target, label) {
  target.tabIndex = 0;
  target.setAttribute("role", "group");
  target.setAttribute("aria-label", label);
  return target;
}

/**
 * @param {string} tag
 * @param {string} name of class and part
 * @param {...(Node | string | undefined)} children
 */
function element(tag, name, ...children) {
  const made = document.createElement(tag);
  if (name) {
    made.className = name;
    made.setAttribute("part", name);
  }
  for (const child of children) if (child) made.append(child);
  return made;
}
