/**
 * The browsers' messages about modules, in words that say what to do.
 */

/** Chromium, Firefox, Safari. */
const UNRESOLVED = [
  /Failed to resolve module specifier ["'](.+?)["']/,
  /The specifier “(.+?)” was a bare specifier/,
  /Module name, ["'](.+?)["'] does not resolve/,
];
const NOT_EXPORTED = /requested module ["'](.+?)["'] (?:does not|doesn.t) provide an export named:? ["'](.+?)["']/;

/**
 * The bare specifier that an error is about.
 *
 * @param {string} message
 * @returns {string | undefined}
 */
export function unresolvedName(message) {
  for (const pattern of UNRESOLVED) {
    const found = pattern.exec(message);
    if (found) return found[1];
  }
  return undefined;
}

/**
 * Say what a loading error means; a syntax error is plain enough as it is.
 *
 * @param {string} message the browser's
 * @param {Document} page whose import map is to be extended
 * @returns {string} what is wrong in the first line, what to do in the others
 */
export function explain(message, page) {
  const name = unresolvedName(message);
  if (name !== undefined) return explainBareImport(name, page);
  const [, specifier, exported] = NOT_EXPORTED.exec(message) ?? [];
  if (specifier === undefined) return `SyntaxError: ${message}`;
  const shown = specifier.replace(/\?.*$/s, "");
  return exported === "default"
    ? `"${shown}" has no default export.\n\nAdd \`export default\` there, or import one of its names: \`import { … } from\`.`
    : `"${shown}" has no export named "${exported}".\n\nExport it there, or correct the name in the import.`;
}

/**
 * @param {string} name
 * @param {Document} page
 */
function explainBareImport(name, page) {
  const element = page.querySelector('script[type="importmap"]');
  const map = readMap(element?.textContent ?? "");
  const file = `/path/to/${name.replace(/^.*\/(?=.)/, "")}${/\.m?js$/.test(name) ? "" : ".js"}`;
  const extended = { ...map, imports: { ...map.imports, [name]: file } };
  const where = element
    ? "The page has an import map, but the name is not in it. Change it to this, with the right path:"
    : "Names need an import map. Put this into the page's <head>, with the right path, ahead of all scripts:";
  const snippet = `<script type="importmap">\n${JSON.stringify(extended, null, 2)}\n</script>`;
  return `The browser does not know where "${name}" is.\n\n${where}\n\n${snippet}`;
}

/**
 * @param {string} text
 * @returns {{ imports?: Record<string, string> }}
 */
function readMap(text) {
  try {
    const map = JSON.parse(text);
    return typeof map === "object" && map !== null ? map : {};
  } catch {
    return {};
  }
}
