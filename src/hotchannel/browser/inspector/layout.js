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
 * Sort modules by their distance from the entries; those that no entry leads to begin for themselves.
 *
 * @param {number} count
 * @param {number[][]} imports
 * @param {number[][]} importers
 * @param {number[]} entries
 * @returns {number[][]}
 */
function columnsOf(count, imports, importers, entries) {
  /** @type {(number | undefined)[]} */
  const depths = Array.from({ length: count });
  const all = Array.from({ length: count }, (_, node) => node);
  const roots = [...entries, ...all.filter((node) => importers[node]?.length === 0), ...all];
  /** @type {number[][]} */
  const columns = [];
  for (let begin = 0; begin < roots.length; begin++) {
    // All entries at once, the others one by one.
    const starts = begin === 0 ? roots.slice(0, Math.max(entries.length, 1)) : [/** @type {number} */ (roots[begin])];
    let wave = starts.filter((node) => depths[node] === undefined);
    for (let depth = 0; wave.length > 0; depth++) {
      /** @type {Set<number>} */
      const next = new Set();
      for (const node of wave) depths[node] = depth;
      for (const node of wave) {
        (columns[depth] ??= []).push(node);
        for (const imported of imports[node] ?? []) if (depths[imported] === undefined) next.add(imported);
      }
      wave = [...next];
    }
  }
  return columns;
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
