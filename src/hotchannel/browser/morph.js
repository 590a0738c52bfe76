/**
 * A page that the server sends anew: what is different from what it sent before is done to the live page.
 *
 * Invariant: what is the same before and after is not touched, so that whatever was typed, scrolled, played
 * or drawn there stays; and nothing is touched at all where only a reload gives the page its new state.
 *
 * Three trees are compared: before, after, and a copy of the live one that is in no window, where nothing
 * loads, runs or is upgraded. What is not to be compared is taken from each, so that `isEqualNode` can judge.
 */

import { align, attributesOf, factsOf, FRAME, isContent, isElement, isShadow, kind, worded, wordsOf } from "./align.js";
import { cspNonce } from "./page.js";
import { withoutTimestamp } from "./urls.js";

/** @typedef {import("./align.js").Facts} Facts */
/** @typedef {import("./align.js").List} List */
/** @typedef {{ copy: Node, node: Node } | null} Live a live node and its copy; null where scripts took it away */

const IGNORE = "data-hot-ignore";
const RELOAD = "data-hot-reload";
const OURS = 'meta[name="hotchannel-page"], script[src$="/@vite/client"], vite-error-overlay, hotchannel-notice';

const TOKEN_FIELD = /^(csrfmiddlewaretoken|authenticity_token|__RequestVerificationToken|[-_x]*[cx]srf([-_]?token)?)$/i;
const TOKEN_META = /^[-_x]*[cx]srf/i;
const TOKEN_HEADER = /([cx]srf[\w-]*["']?\s*:\s*)(["']).*?\2/gi;
const DATA = /^(?!(module|importmap|speculationrules|(text|application)\/(x-)?(java|ecma|j|live)script[\d.]*)?$)/i;
/** With scripts on, a noscript's content is text. Scripts and comments are passed over. */
const NOSCRIPT = /<!--[^]*?-->|<script\b[^]*?<\/script|(<noscript\b[^>]*>)[^]*?(?=<\/noscript)/gi;

/** @type {WeakMap<Element, DocumentFragment>} what is in elements that are to be ignored */
const ignored = new WeakMap();

/**
 * Change the live page by what differs between two texts of it.
 *
 * @param {string} before HTML of the whole page, as the server sent it
 * @param {string} after the same, as the server sends it now
 * @param {Document} [live]
 * @returns {"unchanged" | "applied" | "reload"} unchanged: both texts say the same; reload: nothing was touched
 */
export function morph(before, after, live = document) {
  const [old, now] = [parse(before), parse(after)];
  const copy = old.importNode(live.documentElement, true);
  spellLinks(old, copy, live);
  const [, , restore] = [old, copy, now].map(strip);
  for (const page of [old, now]) for (const each of page.querySelectorAll(OURS)) each.remove();
  if (frameOf(old) !== frameOf(now)) return "reload";
  if (old.documentElement.isEqualNode(now.documentElement)) return "unchanged";

  const plan = new Plan();
  plan.compare(old.documentElement, now.documentElement, { copy, node: live.documentElement }, false);
  if (plan.reload) return "reload";
  restore?.();
  const choose = choices(live);
  for (const step of plan.steps) step();
  choose();
  return "applied";
}

/** What is to be done: written down first, and done when nothing has asked for a reload. */
class Plan {
  /** @type {(() => void)[]} */
  steps = [];
  reload = false;

  /** @type {(before: Node, after: Node, live: Live, guarded: boolean) => void} guarded: a change asks for a reload */
  compare(a, b, live, guarded) {
    if (this.reload || a.isEqualNode(b)) return;
    if (!isElement(a) || !isElement(b)) {
      this.reload = guarded && worded(a) !== worded(b);
      if (live) this.steps.push(() => retext(/** @type {CharacterData} */ (live.node), b.nodeValue ?? ""));
      return;
    }
    if (a.hasAttribute(IGNORE) || b.hasAttribute(IGNORE)) return;
    guarded ||= a.hasAttribute(RELOAD) || b.hasAttribute(RELOAD);
    /** @type {(element: Element, which: Attr) => string | null} */
    const valueIn = (element, { namespaceURI, localName }) => element.getAttributeNS(namespaceURI, localName);
    const set = attributesOf(b).filter((each) => valueIn(a, each) !== each.value);
    const changed = [...attributesOf(a).filter((each) => valueIn(b, each) === null), ...set];
    this.reload = runs(a) || runs(b) || isShadow(a) || isShadow(b) || (guarded && changed.length > 0);
    for (const each of changed) {
      if (live) this.steps.push(() => setAttribute(/** @type {Element} */ (live.node), each, a, b));
    }
    this.children(a, b, live, guarded);
  }

  /** @type {(a: Element, b: Element, live: Live, guarded: boolean) => void} */
  children(a, b, live, guarded) {
    const [olds, news, copies] = [factsOf(a), factsOf(b), factsOf(live?.copy)];
    const { pairs, moved } = align(olds, news, false);
    const reals = childrenOf(live?.node);
    const { pairs: found } = align(olds, copies, true);
    const lives = /** @type {List} */ (found.map((at) => (at < 0 ? null : { copy: copies[at].node, node: reals[at] })));
    const origins = /** @type {List} */ (news.map(() => -1));
    for (const [x, y] of pairs.entries()) if (y >= 0) origins[y] = x;
    for (const [x, old] of olds.entries()) {
      if (pairs[x] >= 0) this.compare(old.node, news[pairs[x]].node, lives[x], guarded);
      // A shadow root may go with its host, but not without it.
      else this.reload ||= this.asksForReload(old, guarded, isShadow(old.node));
    }
    for (const [y, each] of news.entries()) if (origins[y] < 0) this.reload ||= this.asksForReload(each, guarded, true);
    if (!live || (!origins.includes(-1) && !pairs.includes(-1) && moved.size === 0)) return;
    // Where nothing is left of what the server sent, scripts have drawn their own, and go on doing so.
    const isLeft = olds.some((/** @type {Facts} */ old, /** @type {number} */ x) => lives[x] && isContent(old));
    if (!isLeft && [...olds, ...copies].some(isContent) && !FRAME.test(kind({ node: a }))) return;
    this.steps.push(() => {
      for (const [x, y] of pairs.entries()) if (y < 0) lives[x]?.node.parentNode?.removeChild(lives[x].node);
      const parent = holder(live.node);
      const next = (/** @type {number} */ y) =>
        origins.findIndex((x, at) => at > y && !moved.has(at) && lives[x]?.node.parentNode === parent);
      let last = /** @type {Node | null} */ (null);
      for (const [y, x] of origins.entries()) {
        const node = x < 0 ? parent.ownerDocument?.importNode(news[y].node, true) : lives[x]?.node;
        if (!node) continue;
        if (x < 0 || moved.has(y)) put(parent, node, last ? last.nextSibling : lives[origins[next(y)]]?.node);
        // Scripts may have answered to one of these steps.
        if (node.parentNode === parent) last = node;
      }
    });
  }

  /** @type {(facts: Facts, guarded: boolean, withShadow: boolean) => boolean} of a node that comes or goes */
  asksForReload({ node }, guarded, withShadow) {
    if (guarded && worded(node)) return true;
    return (isElement(node) ? [node, ...node.querySelectorAll("*")] : [])
      .flatMap((each) => [each, ...(ignored.get(each)?.querySelectorAll("*") ?? [])])
      .some((each) => runs(each) || each.hasAttribute(RELOAD) || (withShadow && isShadow(each)));
  }
}

/** Take out what is not compared. @type {(tree: ParentNode) => () => void} gives what puts everything back */
function strip(tree) {
  const undo = /** @type {(() => void)[]} */ ([]);
  for (const template of tree.querySelectorAll("template")) {
    // `isEqualNode` does not look into it. In an SVG it is an element like any other.
    const content = template.content;
    if (!content) continue;
    undo.push(strip(content), () => empty(template, content));
    empty(content, template);
  }
  /** @type {(selector: string, name: string, change: (value: string, of: string) => string, later?: string) => void} */
  const change = (selector, name, changed, later) => {
    for (const element of tree.querySelectorAll(`${selector}[${name}]`)) {
      const value = element.getAttribute(name) ?? "";
      undo.push(() => element.setAttribute(name, later ?? value));
      element.setAttribute(name, changed(value, element.getAttribute("name") ?? ""));
    }
  };
  // What comes into the page needs the nonce of that page, not of the one that was fetched.
  change("", "nonce", () => "", cspNonce());
  for (const element of tree.querySelectorAll("[nonce]")) element.removeAttribute("nonce");
  change("input", "value", (value, of) => (TOKEN_FIELD.test(of) ? "" : value));
  change("meta", "content", (value, of) => (TOKEN_META.test(of) ? "" : value.replace(/'nonce-[^']*'/g, "")));
  change("", "hx-headers", (value) => value.replace(TOKEN_HEADER, '$1""'));
  change("script", "src", withoutTimestamp);
  for (const element of tree.querySelectorAll("noscript")) element.textContent = "";
  for (const element of tree.querySelectorAll(`[${IGNORE}]:not([${IGNORE}] *)`)) {
    const [content, attributes] = [document.createDocumentFragment(), attributesOf(element)];
    undo.push(() => attributes.forEach((each) => element.setAttributeNode(each)), () => empty(content, element));
    empty(element, content);
    ignored.set(element, content);
    for (const each of attributes) if (each.name !== "id" && each.name !== IGNORE) element.removeAttributeNode(each);
  }
  return () => undo.reverse().forEach((step) => step());
}

/** What only a new page can have. @param {Document} page */
function frameOf({ doctype, body, documentElement }) {
  const told = [...documentElement.querySelectorAll('base[href], meta[http-equiv="Content-Security-Policy" i]')];
  const kinds = [doctype?.name, doctype?.publicId, doctype?.systemId, body.localName];
  return JSON.stringify([...kinds, ...told.map((each) => each.getAttribute("href") ?? each.getAttribute("content"))]);
}

/** Spell links that were loaded anew as they were sent. @type {(...trees: ParentNode[]) => void} */
function spellLinks(...trees) {
  /** @type {any} in an SVG they have neither sheet nor address */
  const [sent, copies, links] = trees.map((tree) => [...tree.querySelectorAll("link[href]")]);
  const address = (/** @type {any} */ link) => withoutTimestamp(`${link.sheet?.href ?? link.href}`);
  const spelled = new Map(sent.map((/** @type {any} */ link) => [address(link), link.getAttribute("href")]));
  for (const [at, link] of links.entries()) {
    if (spelled.has(address(link))) copies[at].setAttribute("href", spelled.get(address(link)));
  }
}

/** What was chosen by hand, as a new attribute elsewhere would undo it. @param {Document} live */
function choices(live) {
  const radios = [...live.querySelectorAll("input")].filter((each) => each.checked && !each.defaultChecked);
  const selects = [...live.querySelectorAll("select")].filter(({ options: [...all], multiple }) => {
    const first = !multiple && !all.some((each) => each.defaultSelected) && all.find((each) => !each.disabled);
    return all.some((each) => each.selected !== (each === first || each.defaultSelected));
  });
  const chosen = selects.map((select) => ({ select, wanted: [...select.selectedOptions] }));
  return () => {
    for (const each of radios) if (each.type === "radio") each.checked = true;
    for (const { select, wanted } of chosen) {
      if (!wanted.every((each) => select.contains(each))) continue;
      for (const each of select.options) if (each.selected !== wanted.includes(each)) each.selected = !each.selected;
    }
  };
}

/** @type {(node: Element, which: Attr, a: Element, b: Element) => void} */
function setAttribute(node, { namespaceURI, localName, name }, a, b) {
  const [before, after, now] = [a, b, node].map((each) => each.getAttributeNodeNS(namespaceURI, localName));
  const isShared = now && now.value !== (before?.value ?? null);
  // Where scripts have had their say too, both are heard.
  if (isShared && name === "class") {
    const [had, has] = [wordsOf(before?.value), wordsOf(after?.value)];
    node.classList.remove(...had.filter((each) => !has.includes(each)));
    node.classList.add(...has.filter((each) => !had.includes(each)));
  } else if (isShared && name === "style" && mergeStyles(node, a, b)) return;
  else if (!after) node.removeAttributeNS(namespaceURI, localName);
  else if (now) now.value = after.value;
  // Templates have names that `setAttribute` does not take, such as `@click`.
  else node.setAttributeNodeNS(/** @type {Attr} */ (node.ownerDocument.importNode(after)));
}

/** @type {(node: any, a: any, b: any) => boolean} whether it could be done: a shorthand with variables has no parts */
function mergeStyles({ style }, { style: before }, { style: after }) {
  // Not every element has a style, and a form may have a field of that name.
  if (![style, before, after].every((each) => each?.setProperty)) return false;
  /** @type {(from: any, name: string) => [value: string, priority: string]} */
  const told = (from, name) => [from.getPropertyValue(name), from.getPropertyPriority(name)];
  const names = [...before, ...after];
  if (names.some((name) => !told(before, name)[0] && !told(after, name)[0])) return false;
  for (const name of names) {
    if (told(before, name).join() !== told(after, name).join()) style.setProperty(name, ...told(after, name));
  }
  return true;
}

/** Change only what differs, for the selection to stay. @type {(node: CharacterData, text: string) => void} */
function retext(node, text) {
  const most = Math.min(node.length, text.length);
  let [start, end] = [0, 0];
  while (start < most && node.data[start] === text[start]) start++;
  while (end < most - start && node.data.at(-1 - end) === text.at(-1 - end)) end++;
  node.replaceData(start, node.length - start - end, text.slice(start, text.length - end));
}

/** @type {(parent: any, node: Node, spot: Node | null | undefined) => void} a move keeps focus and frames if it can */
function put(parent, node, spot) {
  const place = spot && spot.parentNode === parent ? spot : null;
  if (node === place) return;
  if (node.isConnected && node.parentNode === parent && parent.moveBefore) parent.moveBefore(node, place);
  else parent.insertBefore(node, place);
}

/** @type {(from: Node, to: Node) => void} */
const empty = (from, to) => [...from.childNodes].forEach((each) => to.appendChild(each));
/** @param {string} html */
const parse = (html) => new DOMParser().parseFromString(html.replace(NOSCRIPT, (all, tag) => tag ?? all), "text/html");
/** @param {Element} element */
const runs = (element) => element.localName === "script" && !DATA.test(element.getAttribute("type")?.trim() ?? "");
/** @param {any} node @returns {Node} */
const holder = (node) => (node.localName === "template" && node.content) || node;
/** @param {any} node @returns {Node[]} */
const childrenOf = (node) => (node ? [...node.childNodes, ...(node.content?.childNodes ?? [])] : []);
