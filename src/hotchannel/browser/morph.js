/**
 * A page that the server sends anew: what is different from what it sent before is done to the live page.
 *
 * Invariant: what is the same before and after is not touched, so that whatever was typed, scrolled, played
 * or drawn there stays; and nothing is touched at all where only a reload gives the page its new state.
 *
 * Three trees are compared: before, after, and a copy of the live one that is in no window, where nothing
 * loads, runs or is upgraded. What is not to be compared is taken from each, so that `isEqualNode` can judge.
 */

import { cspNonce } from "./page.js";
import { withoutTimestamp } from "./urls.js";

/** @typedef {{ copy: Node, node: Node } | null} Live a live node and its copy; null where scripts took it away */
/** @typedef {{ node: Node, [known: string]: any }} Facts of a node, each found out when it is asked for */
/** @typedef {any[]} List of facts, or of places in another list (-1: none); what it is asked for, it has */
/** @typedef {[fromOld: number, toOld: number, fromNew: number, toNew: number]} Range of two lists, without the ends */

const IGNORE = "data-hot-ignore";
const RELOAD = "data-hot-reload";
const OURS = 'meta[name="hotchannel-page"], script[src$="/@vite/client"], vite-error-overlay, hotchannel-notice';

const TOKEN_FIELD = /^(csrfmiddlewaretoken|authenticity_token|__RequestVerificationToken|[-_x]*[cx]srf([-_]?token)?)$/i;
const TOKEN_META = /^[-_x]*[cx]srf/i;
const TOKEN_HEADER = /([cx]srf[\w-]*["']?\s*:\s*)(["']).*?\2/gi;
const DATA = /^(?!(module|importmap|speculationrules|(text|application)\/(x-)?(java|ecma|j|live)script[\d.]*)?$)/i;
/** With scripts on, a noscript's content is text. Scripts and comments are passed over. */
const NOSCRIPT = /<!--[^]*?-->|<script\b[^]*?<\/script|(<noscript\b[^>]*>)[^]*?(?=<\/noscript)/gi;

/** Pairs that are weighed one by one; beyond that, what is alone of its kind divides the lists first. */
const MOST_PAIRS = 40_000;
const BLOCK = 60;

const FRAME = /xhtml (HEAD|BODY)$/;

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

/** @type {(parent: Node | undefined) => List} facts of its children */
const factsOf = (parent) => Array.from(parent?.childNodes ?? [], (node) => ({ node }));
/** @type {(x: Facts) => string} */
const kind = (x) => (x.kind ??= `${/** @type {any} */ (x.node).namespaceURI} ${x.node.nodeName}`);
/** @type {(x: Facts) => string} */
const id = (x) => (x.id ??= isElement(x.node) ? (x.node.getAttribute("id") ?? "") : "");
/** @type {(x: Facts) => boolean} */
const isContent = (x) => (x.isContent ??= worded(x.node) !== "" && !isShadow(x.node));
/** @type {(x: Facts) => string} */
const outer = (x) => (x.outer ??= isElement(x.node) ? x.node.outerHTML : x.node.nodeValue);
/** @type {(x: Facts) => string} */
const inner = (x) => (x.inner ??= isElement(x.node) ? x.node.innerHTML.trim() : "");
/** Attributes, and each class for itself. @type {(x: Facts) => Set<string>} */
const traits = (x) => (x.traits ??= new Set((isElement(x.node) ? attributesOf(x.node) : []).flatMap(
  ({ name, value }) => (name === "class" ? wordsOf(value) : [`${name}=${value}`]))));
/** What some children look like, without what is in them. @type {(x: Facts) => Set<string>} */
const parts = (x) => (x.parts ??= new Set(factsOf(x.node).slice(0, 100).filter(isContent).flatMap((each) =>
  // Each attribute for itself: a script may have changed one of them.
  (traits(each).size > 0 ? [...traits(each)] : [worded(each.node)]).map((trait) => `${kind(each)},${trait}`))));

/**
 * Find for the nodes of a list those of another: by weight, in order; then those with an id that were moved.
 *
 * @type {(xs: List, ys: List, strict: boolean) => { pairs: List, moved: Set<number> }} pairs: for each of `xs` its
 *   place in `ys`; strict: a common tag is too little, as scripts may have put another element there
 */
function align(xs, ys, strict) {
  const pairs = /** @type {List} */ (xs.map(() => -1));
  const work = [/** @type {Range} */ ([0, xs.length, 0, ys.length])];
  for (let range = work.pop(); range; range = work.pop()) {
    let [x0, x1, y0, y1] = range;
    while (x0 < x1 && y0 < y1 && xs[x0].node.isEqualNode(ys[y0].node)) pairs[x0++] = y0++;
    while (x0 < x1 && y0 < y1 && xs[x1 - 1].node.isEqualNode(ys[y1 - 1].node)) pairs[--x1] = --y1;
    const [n, m] = [x1 - x0, y1 - y0];
    const isLong = n * m > MOST_PAIRS;
    const byItself = (/** @type {Facts} */ each) => id(each) || (isContent(each) ? outer(each) : "");
    let marks = isLong ? landmarks(xs, ys, [x0, x1, y0, y1], byItself) : [];
    if (isLong && marks.length === 0) marks = landmarks(xs, ys, [x0, x1, y0, y1], inner);
    const pieces = isLong ? Math.ceil(Math.max(n, m) / BLOCK) : 1;
    for (let p = 0; marks.length === 0 && p < pieces; p++) {
      const cut = (/** @type {number} */ from, /** @type {number} */ part) => from + Math.floor(part / pieces);
      weigh(xs, ys, [cut(x0, n * p), cut(x0, n * (p + 1)), cut(y0, m * p), cut(y0, m * (p + 1))], strict, pairs);
    }
    for (const [x, y] of marks) {
      pairs[x] = y;
      work.push([x0, x, y0, y]);
      [x0, y0] = [x + 1, y + 1];
    }
    if (marks.length > 0) work.push([x0, x1, y0, y1]);
  }
  const taken = new Set(pairs);
  const name = (/** @type {Facts} */ each) => id(each) && kind(each) + id(each);
  const free = new Map(pairs.includes(-1) ? ys.map((each, y) => [taken.has(y) ? "" : name(each), y]) : []);
  const moved = /** @type {Set<number>} */ (new Set());
  for (const [x, each] of xs.entries()) {
    const y = pairs[x] < 0 && name(each) ? free.get(name(each)) : undefined;
    if (y !== undefined && !moved.has(y)) moved.add((pairs[x] = y));
  }
  return { pairs, moved };
}

/** @type {(xs: List, ys: List, range: Range, strict: boolean, pairs: List) => void} finds the heaviest, in order */
function weigh(xs, ys, [x0, x1, y0, y1], strict, pairs) {
  const [n, m] = [x1 - x0, y1 - y0];
  // At [i, j]: what pairs of the first i and the first j can bring.
  const best = new Int32Array((n + 1) * (m + 1));
  const at = (/** @type {number} */ i, /** @type {number} */ j) => best[i * (m + 1) + j] ?? 0;
  for (let i = 1; i <= n; i++) {
    for (let j = 1; j <= m; j++) {
      const weight = weightOf(xs[x0 + i - 1], ys[y0 + j - 1], strict, n * m > 1);
      best[i * (m + 1) + j] = Math.max(at(i - 1, j), at(i, j - 1), weight && weight + at(i - 1, j - 1));
    }
  }
  for (let [i, j] = [n, m]; i > 0 && j > 0; ) {
    if (at(i, j) === at(i - 1, j)) i--;
    else if (at(i, j) === at(i, j - 1)) j--;
    else pairs[x0 + --i] = y0 + --j;
  }
}

/** @type {(x: Facts, y: Facts, strict: boolean, precise: boolean) => number} 0: they are not the same node */
function weightOf(x, y, strict, precise) {
  if (kind(x) !== kind(y)) return 0;
  if (!isElement(x.node)) return outer(x) !== outer(y) ? 1 : isContent(x) ? 8 : 2;
  const named = FRAME.test(kind(x)) || (id(x) && id(x) === id(y)) ? 64 : 0;
  if (!named && ((id(x) && id(y)) || (strict && !isCounterpart(x, y)))) return 0;
  if (!precise || outer(x) === outer(y)) return named + 16;
  const shared = [...traits(x)].filter((each) => traits(y).has(each)).length;
  if (shared === Math.max(traits(x).size, traits(y).size) || (inner(x) && inner(x) === inner(y))) return named + 6;
  return named + (shared > 0 ? 3 : 2);
}

/** @type {(sent: Facts, live: Facts) => boolean} whether enough is left of what the server sent */
function isCounterpart(sent, live) {
  const isKept = [...traits(sent)].every((each) => traits(live).has(each));
  if (isKept && (traits(sent).size > 0 || parts(sent).size === 0)) return true;
  if (sent.node.nodeName.includes("-") || [...parts(sent)].some((each) => parts(live).has(each))) return true;
  return ![sent, live].some(({ node }) => [...node.childNodes].some(isElement));
}

/** @type {(xs: List, ys: List, range: Range, keyOf: (each: Facts) => string) => List} pairs of what is there once */
function landmarks(xs, ys, [x0, x1, y0, y1], keyOf) {
  const places = /** @type {Map<string, [List, List]>} */ (new Map());
  for (const [list, from, to, side] of /** @type {const} */ ([[xs, x0, x1, 0], [ys, y0, y1, 1]])) {
    for (let at = from; at < to; at++) {
      const key = keyOf(list[at]) && kind(list[at]) + keyOf(list[at]);
      if (key && !places.has(key)) places.set(key, [[], []]);
      places.get(key)?.[side].push(at);
    }
  }
  const alone = [...places.values()]
    .filter(([left, right]) => left.length === 1 && right.length === 1 && id(xs[left[0]]) === id(ys[right[0]]))
    .map(([[x], [y]]) => /** @type {any} */ ({ x, y, before: -1 }));
  // The longest row of them that rises on both sides: of each length, the row that ends lowest is known.
  const ends = /** @type {List} */ ([]);
  for (const [at, mark] of alone.entries()) {
    const length = ends.findLastIndex((end) => alone[end].y < mark.y) + 1;
    mark.before = ends[length - 1] ?? -1;
    ends[length] = at;
  }
  const row = [];
  for (let mark = alone[ends[ends.length - 1]]; mark; mark = alone[mark.before]) row.push([mark.x, mark.y]);
  return row.reverse();
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
/** @param {Node} node @returns {node is Element} */
const isElement = (node) => node.nodeType === 1;
/** @param {Node} node */
const isShadow = (node) => isElement(node) && node.nodeName === "TEMPLATE" && node.hasAttribute("shadowrootmode");
/** @param {Element} element */
const attributesOf = (element) => element.getAttributeNames().flatMap((name) => element.getAttributeNode(name) ?? []);
/** @param {Element} element */
const runs = (element) => element.localName === "script" && !DATA.test(element.getAttribute("type")?.trim() ?? "");
/** @param {string | null | undefined} text @returns {string[]} */
const wordsOf = (text) => text?.match(/\S+/g) ?? [];
/** What there is to see of a node itself. @param {Node} node */
const worded = (node) => (node.nodeType === 8 ? "" : wordsOf(node.nodeValue ?? node.nodeName).join(" "));
/** @param {any} node @returns {Node} */
const holder = (node) => (node.localName === "template" && node.content) || node;
/** @param {any} node @returns {Node[]} */
const childrenOf = (node) => (node ? [...node.childNodes, ...(node.content?.childNodes ?? [])] : []);
