// Prints what oxc-parser finds in every module below a folder, one JSON object a line.
// Usage: node oxc.mjs NODE_MODULES FOLDER. Offsets are code points, as in Python; files that are not valid modules are left out.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [nodeModules, folder] = process.argv.slice(2).map((path) => resolve(path));
const { parseSync } = createRequire(join(nodeModules, "x.js"))("oxc-parser");

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.isFile() && /\.m?js$/.test(path)) yield path;
  }
}

function codePoints(source) {
  if (!/[\ud800-\udfff]/.test(source)) return (offset) => offset;
  const points = new Uint32Array(source.length + 1);
  for (let unit = 0, point = 0; unit < source.length; point++) {
    const size = source.codePointAt(unit) > 0xffff ? 2 : 1;
    points.fill(point, unit, unit + size);
    unit += size;
    points[unit] = point + 1;
  }
  return (offset) => points[offset];
}

const importedName = ({ kind, name }) => (kind === "Default" ? "default" : kind === "Name" ? name : null);

function imported(entries) {
  const names = entries.map((entry) => importedName(entry.importName));
  return names.includes(null) ? null : [...new Set(names)].sort();
}

function analyse(source, { module, program }) {
  const at = codePoints(source);
  const site = (kind, statement, request, names) => [
    kind, request.value, at(request.start), at(request.end), names, at(statement.start), at(statement.end),
  ];
  const imports = module.staticImports.map((it) => site("static", it, it.moduleRequest, imported(it.entries)));
  const importStarts = new Set(module.staticImports.map((it) => it.start));
  const exports = new Set();
  let star = false;
  for (const statement of module.staticExports) {
    for (const { exportName } of statement.entries) {
      if (exportName.kind !== "None") exports.add(exportName.kind === "Default" ? "default" : exportName.name);
    }
    star ||= statement.entries.some((entry) => entry.importName.kind === "AllButDefault");
    const request = statement.entries[0]?.moduleRequest;
    // An import that is exported again is listed here too, with the span of its import statement.
    if (request && !importStarts.has(statement.start)) imports.push(site("export-from", statement, request, imported(statement.entries)));
  }
  // The module record knows nothing of `export {} from "x"`.
  for (const node of /export\s*\{\s*\}/.test(source) ? program.body : []) {
    if (node.type === "ExportNamedDeclaration" && node.source && node.specifiers.length === 0) {
      imports.push(site("export-from", node, node.source, []));
    }
  }
  for (const call of module.dynamicImports) {
    const { start, end } = call.moduleRequest;
    const text = source.slice(start, end);
    const isLiteral = /^(?:"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|`(?:[^`\\$]|\\[^]|\$(?!\{))*`)$/.test(text);
    const value = isLiteral ? (0, eval)(text) : null;
    imports.push(site("dynamic", call, { value, start, end }, null));
  }
  imports.sort((a, b) => a[5] - b[5]);
  return { imports, exports: [...exports].sort(), star };
}

for (const file of files(folder)) {
  const source = readFileSync(file, "utf8");
  const result = parseSync(file, source, { sourceType: "module", lang: "js" });
  if (result.errors.length === 0) console.log(JSON.stringify({ file, ...analyse(source, result) }));
}
