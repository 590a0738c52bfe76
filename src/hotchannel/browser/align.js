/**
 * Two lists of nodes: which node of the one is which of the other.
 *
 * Looks at the nodes and touches none. What is asked of a node more than once is kept with it, as its facts.
 */

/** @typedef {{ node: Node, [known: string]: any }} Facts of a node, each found out when it is asked for */
/** @typedef {any[]} List of facts, or of places in another list (-1: none); what it is asked for, it has */
/** @typedef {[fromOld: number, toOld: number, fromNew: number, toNew: number]} Range of two lists, without the ends */

/** Pairs that are weighed one by one; beyond that, what is alone of its kind divides the lists first. */
const MOST_PAIRS = 40_000;
const BLOCK = 60;

export const FRAME = /xhtml (HEAD|BODY)$/;

/** @type {(parent: Node | undefined) => List} facts of its children */
export const factsOf = (parent) => Array.from(parent?.childNodes ?? [], (node) => ({ node }));
/** @type {(x: Facts) => string} */
export const kind = (x) => (x.kind ??= `${/** @type {any} */ (x.node).namespaceURI} ${x.node.nodeName}`);
/** @type {(x: Facts) => string} */
const id = (x) => (x.id ??= isElement(x.node) ? (x.node.getAttribute("id") ?? "") : "");
/** @type {(x: Facts) => boolean} */
export const isContent = (x) => (x.isContent ??= worded(x.node) !== "" && !isShadow(x.node));
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
export function align(xs, ys, strict) {
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

/** @param {Node} node @returns {node is Element} */
export const isElement = (node) => node.nodeType === 1;
/** @param {Node} node */
export const isShadow = (node) =>
  isElement(node) && node.nodeName === "TEMPLATE" && node.hasAttribute("shadowrootmode");
/** @param {Element} element */
export const attributesOf = (element) =>
  element.getAttributeNames().flatMap((name) => element.getAttributeNode(name) ?? []);
/** @param {string | null | undefined} text @returns {string[]} */
export const wordsOf = (text) => text?.match(/\S+/g) ?? [];
/** What there is to see of a node itself. @param {Node} node */
export const worded = (node) => (node.nodeType === 8 ? "" : wordsOf(node.nodeValue ?? node.nodeName).join(" "));
