/**
 * The module graph as a picture, with the way of the last update lit up.
 */

import { element, empty, find, svg } from "./dom.js";
import { layOut } from "./layout.js";

/** @typedef {{ url: string, type: string, accepts: boolean, entry: boolean, served: boolean, lit: boolean }} Module */
/**
 * @typedef {object} Graph
 * @property {number} total
 * @property {boolean} reload
 * @property {Module[]} nodes
 * @property {[number, number][]} edges importer and imported
 * @property {[number, number][]} boundaries who took the update in, and by which module
 */

const LONGEST_LABEL = 21;

/** Draws the graph. */
export class ModuleGraph {
  #box = find("graph", HTMLElement);
  #picked = find("picked", HTMLElement);
  #find = find("find", HTMLInputElement);
  #fit = find("fit", HTMLButtonElement);
  #only = find("only", HTMLButtonElement);
  /** @type {Graph} all of it */
  #whole = { total: 0, reload: false, nodes: [], edges: [], boundaries: [] };
  /** @type {Graph} what is drawn of it */
  #graph = { total: 0, reload: false, nodes: [], edges: [], boundaries: [] };
  /** @type {SVGElement[]} */
  #nodes = [];
  /** @type {SVGElement[]} */
  #edges = [];
  #way = "";

  constructor() {
    this.#find.addEventListener("input", () => this.#search());
    this.#fit.addEventListener("click", () => {
      const isFit = this.#box.classList.toggle("fit");
      this.#fit.setAttribute("aria-pressed", String(isFit));
    });
    this.#only.addEventListener("click", () => {
      const isOnly = this.#only.getAttribute("aria-pressed") !== "true";
      this.#only.setAttribute("aria-pressed", String(isOnly));
      this.show(this.#whole);
    });
  }

  /** @param {Graph} whole */
  show(whole) {
    this.#whole = whole;
    const isOnly = this.#only.getAttribute("aria-pressed") === "true";
    const graph = (this.#graph = isOnly ? lastUpdate(whole) : whole);
    const { nodes, edges, total } = graph;
    find("count", HTMLElement).textContent = total > nodes.length ? `${nodes.length} of ${total}` : String(total);
    if (nodes.length === 0) {
      const otherwise = isOnly ? "No update was seen yet: save a file." : "No module was served yet: open a page.";
      this.#box.replaceChildren(empty(otherwise));
      this.#picked.textContent = "";
      return;
    }
    const entries = nodes.flatMap((node, number) => (node.entry ? [number] : []));
    const { places, width, height, node: box } = layOut(nodes.length, edges, entries);
    const takers = new Set(graph.boundaries.map(([taker]) => taker));
    const ways = new Set(graph.boundaries.map((pair) => pair.join()));
    this.#edges = edges.map(([from, to]) => {
      const [start, end] = [places[from], places[to]];
      if (!start || !end) throw new Error("an edge has two ends");
      const isLit = nodes[to]?.lit && (ways.has([from, to].join()) || nodes[from]?.lit);
      const [x1, y1] = [start.x + box.width, start.y + box.height / 2];
      const [x2, y2] = [end.x, end.y + box.height / 2];
      const bend = Math.max(30, Math.abs(x2 - x1) / 2);
      const d = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
      return svg("path", { class: isLit ? "edge lit" : "edge", d });
    });
    this.#nodes = nodes.map((node, number) => this.#drawNode(node, number, places[number], box, takers.has(number)));
    // What is lit lies over the rest.
    const drawn = this.#edges.toSorted((a, b) => Number(a.matches(".lit")) - Number(b.matches(".lit")));
    const margin = 3;
    const picture = svg(
      "svg",
      {
        viewBox: `${-margin} ${-margin} ${width + 2 * margin} ${height + 2 * margin}`,
        width: width + 2 * margin,
        height: height + 2 * margin,
        role: "img",
        "aria-label": `${total} modules`,
      },
      ...drawn,
      ...this.#nodes,
    );
    const { scrollLeft, scrollTop } = this.#box;
    this.#box.replaceChildren(picture);
    this.#box.scrollTo(scrollLeft, scrollTop);
    this.#search();
    this.#summarise();
  }

  /**
   * @param {Module} module
   * @param {number} number
   * @param {import("./layout.js").Place | undefined} place
   * @param {{ width: number, height: number }} box
   * @param {boolean} isBoundary
   */
  #drawNode(module, number, place, box, isBoundary) {
    const { url, accepts, entry, lit } = module;
    const classes = ["node"];
    if (accepts) classes.push("accepts");
    if (entry) classes.push("entry");
    if (isBoundary) classes.push("boundary");
    else if (lit) classes.push("lit", ...(this.#graph.reload ? ["reload"] : []));
    const made = svg(
      "g",
      { class: classes.join(" "), transform: `translate(${place?.x ?? 0} ${place?.y ?? 0})` },
      svg("title", {}, url),
      svg("rect", { width: box.width, height: box.height, rx: 7 }),
      svg("text", { x: 10, y: box.height / 2 + 4 }, label(url)),
    );
    made.addEventListener("pointerenter", () => this.#near(number, true));
    made.addEventListener("pointerleave", () => this.#near(number, false));
    made.addEventListener("click", () => this.#pick(number));
    return made;
  }

  /**
   * @param {number} number
   * @param {boolean} isNear
   */
  #near(number, isNear) {
    this.#graph.edges.forEach(([from, to], index) => {
      if (from !== number && to !== number) return;
      this.#edges[index]?.classList.toggle("near", isNear);
      this.#nodes[from === number ? to : from]?.classList.toggle("near", isNear);
    });
  }

  /** @param {number} number */
  #pick(number) {
    const module = this.#graph.nodes[number];
    if (!module) return;
    for (const [index, node] of this.#nodes.entries()) node.classList.toggle("picked", index === number);
    const importers = this.#graph.edges.filter(([, to]) => to === number).length;
    const imports = this.#graph.edges.filter(([from]) => from === number).length;
    const facts = [`imported by ${importers}`, `imports ${imports}`];
    if (module.entry) facts.push("a page loads it");
    if (module.accepts) facts.push("accepts itself");
    if (!module.served) facts.push("not served yet");
    this.#picked.replaceChildren(element("code", "", module.url), ` ${facts.join(" · ")}`);
  }

  #search() {
    const wanted = this.#find.value.trim().toLowerCase();
    this.#box.classList.toggle("searching", wanted !== "");
    if (!wanted) return;
    const found = this.#graph.nodes.map(({ url }) => url.toLowerCase().includes(wanted));
    for (const [index, node] of this.#nodes.entries()) node.classList.toggle("found", found[index] === true);
    this.#bringIntoView(this.#nodes[found.indexOf(true)]);
  }

  /** Say how the last update went, and bring it into view where it is another one. */
  #summarise() {
    const { nodes, boundaries, reload } = this.#graph;
    const lit = nodes.flatMap((node, number) => (node.lit ? [number] : []));
    const way = JSON.stringify([nodes.filter(({ lit }) => lit).map(({ url }) => url), boundaries, reload]);
    if (way === this.#way) return;
    this.#way = way;
    if (lit.length === 0) {
      this.#picked.textContent = "Save a file: the way of its update lights up. Click a module for more.";
      return;
    }
    const takers = new Set(boundaries.map(([taker]) => nodes[taker]?.url ?? ""));
    const outcome = reload ? "nothing took it in, so pages reloaded" : `taken in by ${[...takers].join(", ")}`;
    this.#picked.textContent = `Last update: ${lit.length} module${lit.length === 1 ? "" : "s"}, ${outcome}.`;
    this.#bringIntoView(this.#nodes[lit[0] ?? -1]);
  }

  /** @param {SVGElement | undefined} node */
  #bringIntoView(node) {
    if (!node) return;
    const [here, there] = [this.#box.getBoundingClientRect(), node.getBoundingClientRect()];
    const isOut = there.left < here.left || there.right > here.right || there.top < here.top || there.bottom > here.bottom;
    // Only the box is moved: whoever reads elsewhere on the page stays there.
    if (isOut) this.#box.scrollBy(there.left - here.left - 40, there.top - here.top - here.height / 2);
  }
}

/**
 * Leave only what is on the way of the last update.
 *
 * @param {Graph} graph
 * @returns {Graph}
 */
function lastUpdate({ total, reload, nodes, edges, boundaries }) {
  const takers = new Set(boundaries.map(([taker]) => taker));
  const kept = nodes.flatMap((node, number) => (node.lit || takers.has(number) ? [number] : []));
  const numbers = new Map(kept.map((number, index) => [number, index]));
  /**
   * @param {[number, number][]} pairs
   * @returns {[number, number][]}
   */
  const among = (pairs) =>
    pairs.flatMap(([a, b]) => {
      const [from, to] = [numbers.get(a), numbers.get(b)];
      return from === undefined || to === undefined ? [] : [[from, to]];
    });
  const left = nodes.filter((_, number) => numbers.has(number));
  return { total, reload, nodes: left, edges: among(edges), boundaries: among(boundaries) };
}

/** @param {string} url */
function label(url) {
  const path = url.split("?")[0] ?? "";
  const name = path.split("/").at(-1) || url;
  return name.length > LONGEST_LABEL ? `${name.slice(0, LONGEST_LABEL - 1)}…` : name;
}
