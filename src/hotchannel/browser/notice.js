/**
 * A small note at the edge of the page while the server is away. It takes no clicks and no focus.
 */

const SHEET = `
  div {
    all: initial;
    position: fixed;
    inset: auto 16px 16px auto;
    z-index: 2147483646;
    padding: 8px 14px 8px 12px;
    border-radius: 8px;
    background: #1c1e26;
    color: #d7dae4;
    border: 1px solid #353a49;
    box-shadow: 0 6px 20px rgb(0 0 0 / 25%);
    font: 13px/1.4 system-ui, sans-serif;
    pointer-events: none;
  }
  div::before {
    content: "";
    display: inline-block;
    width: 8px;
    height: 8px;
    margin-right: 9px;
    border-radius: 50%;
    background: #f2b35e;
  }
`;

/** @type {HTMLElement | null} */
let shown = null;

/**
 * Show a note, unless one is there.
 *
 * @param {string} text
 */
export function showNotice(text) {
  if (shown?.isConnected) return;
  shown = document.createElement("hotchannel-notice");
  const root = shown.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  root.adoptedStyleSheets = [sheet];
  const note = document.createElement("div");
  note.setAttribute("role", "status");
  note.textContent = text;
  root.append(note);
  document.body.append(shown);
}

/** Take the note away. */
export function hideNotice() {
  shown?.remove();
  shown = null;
}
