/**
 * Where the modules of a graph are drawn: in columns, importers left of what they import.
 *
 * Pure. A column that would be too tall goes on in the next one, so that hundreds of modules stay within reach.
 */

/** Modules above one another. */
const TALLEST = 24;

const NODE = { width: 168, height: 26 };
const GAP = { x: 74, y: 10 };
/** Between two parts of one column. */
const NARROW = 18;

/** @typedef {{ x: number, y: number }} Place top left corner */

/**
 * Place modules.
 *
 * @param {number} count
 * @param {[number, number][]} edges importer and imported
 * @param {number[]} entries that come first
 * @returns {{ places: Place[], width: number, height: number, node: { width: number, height: number } }}
 */
export function layOut(count, edges, entries) {
  /** @type {number[][]} */
  const imports = Array.from({ length: count }, () => []);
  /** @type {number[][]} */
  const importers = Array.from({ length: count }, () => []);
  for (const [from, to] of edges) {
    imports[from]?.push(to);
    importers[to]?.push(from);
  }
  const columns = orderColumns(columnsOf(count, imports, importers, entries), importers);
  /** @type {Place[]} */
  const places = Array.from({ length: count }, () => ({ x: 0, y: 0 }));
  let x = 0;
  let height = 0;
  for (const column of columns) {
    const parts = Math.ceil(column.length / TALLEST);
    const tall = Math.ceil(column.length / parts);
    column.forEach((node, index) => {
      const part = Math.floor(index / tall);
      places[node] = {
        x: x + part * (NODE.width + NARROW),
        y: (index % tall) * (NODE.height + GAP.y),
      };
    });
    height = Math.max(height, tall * (NODE.height + GAP.y) - GAP.y);
    x += parts * (NODE.width + NARROW) - NARROW + GAP.x;
  }
  return { places, width: Math.max(x - GAP.x, 0), height, node: NODE };
}

/**
 * Sort modules into columns, each right of all its importers; an import that closes a cycle does not count.
 *
 * @param {number} count
 * @param {number[][]} imports
 * @param {number[][]} importers
 * @param {number[]} entries
 * @returns {number[][]}
 */
function columnsOf(count, imports, importers, entries) {
  const all = Array.from({ length: count }, (_, node) => node);
  const roots = [...entries, ...all.filter((node) => importers[node]?.length === 0), ...all];
  const depths = all.map(() => 0);
  const order = importersFirst(roots, imports);
  const positions = new Map(order.map((node, position) => [node, position]));
  for (const [position, node] of order.entries()) {
    for (const imported of imports[node] ?? []) {
      // Else it closes a cycle.
      if ((positions.get(imported) ?? 0) > position) {
        depths[imported] = Math.max(depths[imported] ?? 0, (depths[node] ?? 0) + 1);
      }
    }
  }
  /** @type {number[][]} */
  const columns = [];
  for (const node of all) (columns[depths[node] ?? 0] ??= []).push(node);
  return columns;
}

/**
 * Order modules so that each comes after its importers, as far as there is no cycle.
 *
 * @param {number[]} roots where to begin
 * @param {number[][]} imports
 * @returns {number[]}
 */
function importersFirst(roots, imports) {
  /** @type {Set<number>} */
  const met = new Set();
  /** @type {number[]} */
  const left = [];
  for (const root of roots) {
    if (met.has(root)) continue;
    met.add(root);
    // Not by recursion: a chain of imports may be longer than the stack.
    const path = [{ node: root, next: 0 }];
    for (let here = path.at(-1); here; here = path.at(-1)) {
      const imported = imports[here.node]?.[here.next++];
      if (imported === undefined) {
        left.push(here.node);
        path.pop();
      } else if (!met.has(imported)) {
        met.add(imported);
        path.push({ node: imported, next: 0 });
      }
    }
  }
  return left.reverse();
}

/**
 * Put each module near its importers.
 *
 * @param {number[][]} columns
 * @param {number[][]} importers
 */
function orderColumns(columns, importers) {
  /** @type {Map<number, number>} */
  const heights = new Map();
  return columns.map((column) => {
    /** @param {number} node */
    const wanted = (node) => {
      const known = (importers[node] ?? []).flatMap((each) => heights.get(each) ?? []);
      return known.length > 0 ? known.reduce((sum, each) => sum + each, 0) / known.length : 1;
    };
    const sorted = column
      .map((node) => ({ node, at: wanted(node) }))
      .sort((a, b) => a.at - b.at)
      .map(({ node }) => node);
    sorted.forEach((node, index) => heights.set(node, index / sorted.length));
    return sorted;
  });
}
