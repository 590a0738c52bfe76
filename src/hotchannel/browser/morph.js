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
/** @typedef {{ node: Node, element: Element | null, kind: string, id: string, isContent: boolean }} Facts of a node */
/** @typedef {any[]} List of facts, or of places in another list (-1: none); what it is asked for, it has */
/** @typedef {[fromOld: number, toOld: number, fromNew: number, toNew: number]} Range of two lists, without the ends */

const IGNORE = "data-hot-ignore";
const RELOAD = "data-hot-reload";
const SHADOW = "template[shadowrootmode]";
const OURS = 'meta[name="hotchannel-page"], script[src$="/@vite/client"], vite-error-overlay, hotchannel-notice';

const TOKEN_FIELD = /^(csrfmiddlewaretoken|authenticity_token|__RequestVerificationToken|[-_]*(x-)?[cx]srf([-_]?token)?)$/i;
const TOKEN_META = /^[-_]*(x-)?[cx]srf/i;
const TOKEN_HEADER = /([cx]srf[\w-]*["']?\s*:\s*)(["']).*?\2/gi;
const DATA = /^(?!(module|importmap|speculationrules|(text|application)\/(x-)?(java|ecma|j|live)script[\d.]*)?$)/i;
/** With scripts on, a noscript's content is text. Scripts and comments are passed over. */
const NOSCRIPT = /<!--[^]*?-->|<script\b[^]*?<\/script|(<noscript\b[^>]*>)[^]*?(?=<\/noscript)/gi;

/** Pairs that are weighed one by one; beyond that, what is alone of its kind divides the lists first. */
const MOST_PAIRS = 40_000;
const BLOCK = 150;

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
  /** @type {Map<Element, DocumentFragment>} */
  const ignored = new Map();
  strip(old, ignored);
  strip(copy, ignored);
  const restore = strip(now, ignored);
  for (const page of [old, now]) for (const each of page.querySelectorAll(OURS)) each.remove();
  if (frameOf(old) !== frameOf(now)) return "reload";
  if (old.documentElement.isEqualNode(now.documentElement)) return "unchanged";

  const plan = new Plan(live, ignored);
  plan.compare(old.documentElement, now.documentElement, { copy, node: live.documentElement }, false);
  if (plan.reload) return "reload";
  restore();
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

  /** @param {Document} live @param {Map<Element, DocumentFragment>} ignored */
  constructor(live, ignored) {
    this.live = live;
    this.ignored = ignored;
  }

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
    const gone = attributesOf(a).filter((each) => valueIn(b, each) === null);
    const set = attributesOf(b).filter((each) => valueIn(a, each) !== each.value);
    this.reload = runs(a) || runs(b) || is(a, SHADOW) || is(b, SHADOW) || (guarded && gone.length + set.length > 0);
    for (const each of [...gone, ...set]) {
      if (live) this.steps.push(() => setAttribute(/** @type {Element} */ (live.node), each, a, b));
    }
    this.children(a, b, live, guarded);
  }

  /** @type {(a: Element, b: Element, live: Live, guarded: boolean) => void} */
  children(a, b, live, guarded) {
    const [olds, news, copies] = [a, b, live?.copy].map(factsOf);
    const { pairs, moved } = align(olds, news, false);
    const reals = childrenOf(live?.node);
    const lives = align(olds, copies, true).pairs.map((at) => (at < 0 ? null : { copy: copies[at].node, node: reals[at] }));
    const origins = news.map(() => -1);
    for (const [x, old] of olds.entries()) {
      if (pairs[x] >= 0) {
        origins[pairs[x]] = x;
        this.compare(old.node, news[pairs[x]].node, lives[x], guarded);
      } else {
        // A shadow root may go with its host, but not without it.
        this.reload ||= this.asksForReload(old, guarded, !old.isContent);
      }
    }
    for (const [y, each] of news.entries()) if (origins[y] < 0) this.reload ||= this.asksForReload(each, guarded, true);
    if (!live || (!origins.includes(-1) && !pairs.includes(-1) && moved.size === 0)) return;
    // Where nothing is left of what the server sent, scripts have drawn their own, and go on doing so.
    const isDrawn = [...olds, ...copies].some((each) => each.isContent) && !olds.some((old, x) => old.isContent && lives[x]);
    if (isDrawn && !is(a, "head, body")) return;
    this.steps.push(() => {
      for (const [x, y] of pairs.entries()) if (y < 0) lives[x]?.node.parentNode?.removeChild(lives[x].node);
      const parent = holder(live.node);
      const next = (/** @type {number} */ y) =>
        origins.findIndex((x, at) => at > y && !moved.has(at) && lives[x]?.node.parentNode === parent);
      /** @type {Node | null} */
      let last = null;
      for (const [y, x] of origins.entries()) {
        const node = x < 0 ? this.live.importNode(news[y].node, true) : lives[x]?.node;
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
      .flatMap((each) => [each, ...(this.ignored.get(each)?.querySelectorAll("*") ?? [])])
      .some((each) => runs(each) || each.hasAttribute(RELOAD) || (withShadow && is(each, SHADOW)));
  }
}

/** @param {Node | undefined} parent @returns {any} the facts of its children */
function factsOf(parent) {
  return [...(parent?.childNodes ?? [])].map((node) => {
    const element = isElement(node) ? node : null;
    const kind = element ? `${element.namespaceURI} ${element.localName}` : node.nodeName;
    const isContent = element ? !is(element, SHADOW) : worded(node) !== "";
    return { node, element, kind, id: element?.getAttribute("id") ?? "", isContent };
  });
}

const outer = once((/** @type {Facts} */ { node, element }) => element?.outerHTML ?? node.nodeValue ?? "");
const inner = once((/** @type {Facts} */ { element }) => element?.innerHTML.trim() ?? "");
/** Attributes, and each class for itself. */
const traits = once((/** @type {Facts} */ { element }) => {
  const all = element ? attributesOf(element) : [];
  return new Set(all.flatMap(({ name, value }) => (name === "class" ? wordsOf(value) : [`${name}=${value}`])));
});
/** What some children look like, without what is in them. */
const parts = once((/** @type {Facts} */ { node }) => {
  const shown = factsOf(node).slice(0, 100).filter((each) => each.isContent);
  return new Set(shown.map((each) => [each.kind, worded(each.node), ...traits(each)].join()));
});

/**
 * Find for the nodes of a list those of another: by weight, in order; then those with an id that were moved.
 *
 * @type {(xs: List, ys: List, strict: boolean) => { pairs: List, moved: Set<number> }} pairs: for each of `xs` its
 *   place in `ys`; strict: a common tag is too little, as scripts may have put another element there
 */
function align(xs, ys, strict) {
  const pairs = xs.map(() => -1);
  /** @type {Range[]} */
  const work = [[0, xs.length, 0, ys.length]];
  for (let range = work.pop(); range; range = work.pop()) {
    let [x0, x1, y0, y1] = range;
    while (x0 < x1 && y0 < y1 && xs[x0].node.isEqualNode(ys[y0].node)) pairs[x0++] = y0++;
    while (x0 < x1 && y0 < y1 && xs[x1 - 1].node.isEqualNode(ys[y1 - 1].node)) pairs[--x1] = --y1;
    const [n, m] = [x1 - x0, y1 - y0];
    const isLong = n * m > MOST_PAIRS;
    let marks = isLong ? landmarks(xs, ys, [x0, x1, y0, y1], (each) => each.id || (each.isContent ? outer(each) : "")) : [];
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
  const free = new Map(ys.map(({ kind, id }, y) => [id && !taken.has(y) ? `${kind}#${id}` : "", y]));
  /** @type {Set<number>} */
  const moved = new Set();
  for (const [x, { kind, id }] of xs.entries()) {
    const y = pairs[x] < 0 && id ? free.get(`${kind}#${id}`) : undefined;
    if (y === undefined || moved.has(y)) continue;
    pairs[x] = y;
    moved.add(y);
  }
  return { pairs, moved };
}

/** @type {(xs: List, ys: List, range: Range, strict: boolean, pairs: List) => void} finds the heaviest, in order */
function weigh(xs, ys, [x0, x1, y0, y1], strict, pairs) {
  const [n, m] = [x1 - x0, y1 - y0];
  const weights = new Int32Array(n * m);
  // At [i, j]: what the pairs from i and j on can bring.
  const best = new Int32Array((n + 1) * (m + 1));
  const at = (/** @type {number} */ i, /** @type {number} */ j) => best[i * (m + 1) + j] ?? 0;
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const weight = weightOf(xs[x0 + i], ys[y0 + j], strict, n * m > 1);
      weights[i * m + j] = weight;
      best[i * (m + 1) + j] = Math.max(at(i + 1, j), at(i, j + 1), weight && weight + at(i + 1, j + 1));
    }
  }
  for (let i = 0, j = 0; i < n && j < m; ) {
    const weight = weights[i * m + j] ?? 0;
    if (weight > 0 && at(i, j) === weight + at(i + 1, j + 1)) pairs[x0 + i++] = y0 + j++;
    else if (at(i, j) === at(i + 1, j)) i++;
    else j++;
  }
}

/** @type {(x: Facts, y: Facts, strict: boolean, precise: boolean) => number} 0: they are not the same node */
function weightOf(x, y, strict, precise) {
  if (x.kind !== y.kind || (x.id && y.id && x.id !== y.id && !isFrame(x))) return 0;
  if (!x.element) return outer(x) !== outer(y) ? 1 : x.isContent ? 8 : 2;
  const named = isFrame(x) || (x.id && x.id === y.id) ? 64 : 0;
  if (strict && !named && !isCounterpart(x, y)) return 0;
  if (!precise || outer(x) === outer(y)) return named + 16;
  const shared = [...traits(x)].filter((each) => traits(y).has(each)).length;
  if (shared === Math.max(traits(x).size, traits(y).size) || (inner(x) && inner(x) === inner(y))) return named + 6;
  return named + (shared > 0 ? 3 : 2);
}

/** @type {(sent: Facts, live: Facts) => boolean} whether enough is left of what the server sent */
function isCounterpart(sent, live) {
  if (sent.element?.localName.includes("-") || (inner(sent) && inner(sent) === inner(live))) return true;
  const isKept = [...traits(sent)].every((each) => traits(live).has(each));
  if (isKept && (traits(sent).size > 0 || parts(sent).size === 0)) return true;
  if (!sent.element?.firstElementChild && !live.element?.firstElementChild) return true;
  return [...parts(sent)].some((each) => parts(live).has(each));
}

/** Pairs of what is alone of its kind. @type {(xs: List, ys: List, range: Range, keyOf: (each: Facts) => string) => List} */
function landmarks(xs, ys, [x0, x1, y0, y1], keyOf) {
  /** @type {Map<string, [xs: List, ys: List]>} */
  const places = new Map();
  for (const [list, from, to, side] of /** @type {const} */ ([[xs, x0, x1, 0], [ys, y0, y1, 1]])) {
    for (let at = from; at < to; at++) {
      const key = keyOf(list[at]) && `${list[at].kind} ${keyOf(list[at])}`;
      if (key && !places.has(key)) places.set(key, [[], []]);
      places.get(key)?.[side].push(at);
    }
  }
  /** @type {List} */
  const alone = [...places.values()]
    .filter(([left, right]) => left.length === 1 && right.length === 1 && xs[left[0]].id === ys[right[0]].id)
    .map(([[x], [y]]) => ({ x, y, before: -1 }));
  // The longest row of them that rises on both sides: of each length, the row that ends lowest is known.
  /** @type {List} */
  const ends = [];
  for (const [at, mark] of alone.entries()) {
    const length = ends.findLastIndex((end) => alone[end].y < mark.y) + 1;
    mark.before = ends[length - 1] ?? -1;
    ends[length] = at;
  }
  const row = [];
  for (let mark = alone[ends[ends.length - 1]]; mark; mark = alone[mark.before]) row.push([mark.x, mark.y]);
  return row.reverse();
}

/** @type {(tree: ParentNode, ignored: Map<Element, DocumentFragment>) => () => void} gives what puts everything back */
function strip(tree, ignored) {
  /** @type {(() => void)[]} */
  const undo = [];
  for (const template of tree.querySelectorAll("template")) {
    // `isEqualNode` does not look into it. In an SVG it is an element like any other.
    const content = template.content;
    if (!content) continue;
    undo.push(strip(content, ignored), () => empty(template, content));
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
function frameOf(page) {
  const { doctype, compatMode, body } = page;
  const policies = [...page.querySelectorAll('meta[http-equiv="Content-Security-Policy" i]')];
  const base = page.querySelector("base[href]")?.getAttribute("href");
  const parts = [doctype?.name, doctype?.publicId, doctype?.systemId, compatMode, body.localName, base];
  return JSON.stringify([...parts, ...policies.map((each) => each.getAttribute("content"))]);
}

/** Spell links that were loaded anew as they were sent. @type {(old: Document, copy: Element, live: Document) => void} */
function spellLinks(old, copy, live) {
  /** @type {any} */
  const [sent, copies, links] = [old, copy, live].map((tree) => [...tree.querySelectorAll("link[href]")]);
  /** @param {any} link in an SVG it has neither */
  const address = (link) => `${link.sheet?.href ?? link.href}`;
  const spelled = new Map(sent.map((/** @type {Element} */ link) => [withoutTimestamp(address(link)), link.getAttribute("href")]));
  for (const [at, link] of links.entries()) {
    const spelling = /[?&]t=\d/.test(address(link)) && spelled.get(withoutTimestamp(address(link)));
    if (spelling) copies[at].setAttribute("href", spelling);
  }
}

/** What was chosen by hand, as a new attribute elsewhere would undo it. @param {Document} live */
function choices(live) {
  const radios = [...live.querySelectorAll("input")].filter((each) => each.checked && !each.defaultChecked);
  const selects = [...live.querySelectorAll("select")].filter(({ options, multiple }) => {
    const isInitial = !multiple && ![...options].some((each) => each.defaultSelected);
    if (isInitial) return [...options].find((each) => !each.disabled)?.selected === false;
    return [...options].some((each) => each.selected !== each.defaultSelected);
  });
  const chosen = selects.map((select) => ({ select, wanted: [...select.selectedOptions] }));
  return () => {
    for (const each of radios) if (each.type === "radio" && each.isConnected) each.checked = true;
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
  const names = [style, before, after].every((each) => each?.setProperty) ? [...before, ...after] : [""];
  const told = (/** @type {any} */ from, /** @type {string} */ name) => from.getPropertyValue?.(name) ?? "";
  if (names.some((name) => !told(before, name) && !told(after, name))) return false;
  for (const name of names) {
    const [value, priority] = [told(after, name), after.getPropertyPriority(name)];
    if (told(before, name) === value && before.getPropertyPriority(name) === priority) continue;
    style.setProperty(name, value, priority);
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

/** @type {(parent: Node, node: Node, spot: Node | null | undefined) => void} a move keeps focus and frames if it can */
function put(parent, node, spot) {
  const target = /** @type {Element} */ (parent);
  const place = spot && spot.parentNode === parent ? spot : null;
  if (node === place) return;
  if (node.isConnected && node.parentNode === parent && target.moveBefore) target.moveBefore(node, place);
  else target.insertBefore(node, place);
}

/** @type {(from: Node, to: Node) => void} */
function empty(from, to) {
  while (from.firstChild) to.appendChild(from.firstChild);
}

/** @template {object} T, V @param {(of: T) => V} make @returns {(of: T) => V} what makes it at the first time */
function once(make) {
  /** @type {WeakMap<T, { made: V }>} */
  const known = new WeakMap();
  return (of) => {
    const found = known.get(of) ?? { made: make(of) };
    known.set(of, found);
    return found.made;
  };
}

/** @type {(html: string) => Document} */
const parse = (html) => new DOMParser().parseFromString(html.replace(NOSCRIPT, (all, open) => open ?? all), "text/html");
/** @type {(node: Node) => node is Element} */
const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
/** @type {(facts: Facts) => boolean} */
const isFrame = ({ kind }) => /xhtml (head|body)$/.test(kind);
/** Forms have fields in place of methods of the same name. @type {(element: Element, selector: string) => boolean} */
const is = (element, selector) => Element.prototype.matches.call(element, selector);
/** @type {(element: Element) => Attr[]} */
const attributesOf = (element) => element.getAttributeNames().flatMap((name) => element.getAttributeNode(name) ?? []);
/** @type {(element: Element, which: Attr) => string | null} */
const valueIn = (element, { namespaceURI, localName }) => element.getAttributeNS(namespaceURI, localName);
/** @type {(element: Element) => boolean} */
const runs = (element) => element.localName === "script" && !DATA.test(element.getAttribute("type")?.trim() ?? "");
/** What there is to see of a node itself. @type {(node: Node) => string} */
const worded = (node) => (isElement(node) ? node.localName : node.nodeType === 3 ? wordsOf(node.nodeValue).join(" ") : "");
/** @type {(text: string | null | undefined) => string[]} */
const wordsOf = (text) => text?.match(/\S+/g) ?? [];
/** @type {(node: any) => Node} */
const holder = (node) => (node.localName === "template" && node.content) || node;
/** @type {(node: Node | undefined) => List} */
const childrenOf = (node) => (node ? [...new Set([...node.childNodes, ...holder(node).childNodes])] : []);
