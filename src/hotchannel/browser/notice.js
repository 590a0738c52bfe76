/**
 * A small note at the edge of the page. It takes no focus, and no clicks but on what it offers.
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
  button {
    all: initial;
    margin-left: 12px;
    padding: 2px 10px;
    border: 1px solid #50576b;
    border-radius: 6px;
    color: inherit;
    font: inherit;
    cursor: pointer;
    pointer-events: auto;
  }
  button:is(:hover, :focus-visible) {
    background: #353a49;
  }
`;

/** @type {HTMLElement | null} */
let shown = null;

/**
 * Show a note, unless it is there.
 *
 * @param {string} text
 * @param {{ label: string, act: () => void }} [offer] a button
 */
export function showNotice(text, offer) {
  if (shown?.isConnected && shown.dataset.text === text) return;
  hideNotice();
  shown = document.createElement("hotchannel-notice");
  shown.dataset.text = text;
  const root = shown.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  root.adoptedStyleSheets = [sheet];
  const note = document.createElement("div");
  note.setAttribute("role", "status");
  note.textContent = text;
  if (offer) {
    const button = document.createElement("button");
    button.textContent = offer.label;
    button.addEventListener("click", offer.act);
    note.append(button);
  }
  root.append(note);
  document.body.append(shown);
}

/** Take the note away. */
export function hideNotice() {
  shown?.remove();
  shown = null;
}
