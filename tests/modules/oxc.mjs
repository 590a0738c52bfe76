// Answers, line by line, what oxc-parser finds in a module. Usage: node oxc.mjs NODE_MODULES
// In: {"file": path} or {"source": text}. Out: null where that is no valid module, else imports, exports, star and,
// where `import.meta` or attributes occur, what is said of them. Offsets are code points, as in Python.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const { parseSync, visitorKeys } = createRequire(join(resolve(process.argv[2]), "x.js"))("oxc-parser");

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

function modules(source, { module, program }, isThorough) {
  const at = codePoints(source);
  const site = (kind, statement, request, names) => [
    kind, request.value, at(request.start), at(request.end), names, at(statement.start), at(statement.end),
  ];
  // A phase imports no binding by name: `import source x` is the module's source, not its default export.
  const phased = new Set();
  if (isThorough || /\bimport\s+source\b/.test(source)) {
    for (const node of program.body) if (node.phase === "source") phased.add(node.start);
  }
  const imports = module.staticImports.map((it) =>
    site("static", it, it.moduleRequest, phased.has(it.start) ? null : imported(it.entries)),
  );
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
  for (const node of isThorough || /\bexport\s*\{\s*\}/.test(source) ? program.body : []) {
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

function* nodes(root) {
  for (const pending = [root]; pending.length; ) {
    const node = pending.pop();
    yield node;
    for (const key of visitorKeys[node.type] ?? []) {
      for (const child of [node[key]].flat()) if (child) pending.push(child);
    }
  }
}

// What only the tree tells: import attributes, and what is done with `import.meta`.
function details(source, { program }) {
  const at = codePoints(source);
  const attributes = [];
  const env = [];
  const hot = { used: false, self: false, accepted: [], exports: null, error: false };
  const member = (node, name) => node?.type === "MemberExpression" && !node.computed && node.property.name === name && node.object;
  const isMeta = (node) => node && node.type === "MetaProperty" && node.meta.name === "import";
  const literal = (node) =>
    node.type === "Literal" && typeof node.value === "string" ? node.value
    : node.type === "TemplateLiteral" && node.expressions.length === 0 ? node.quasis[0].value.cooked
    : null;
  const accepted = (node) => {
    if (!node || (node.type !== "ArrayExpression" && !/["'`]/.test(source[node.start]))) return null;
    return (node.type === "ArrayExpression" ? node.elements : [node]).flatMap((item) => {
      const value = item && literal(item);
      if (item && value === null) hot.error = true;
      return item && value !== null ? [[value, at(item.start), at(item.end)]] : [];
    });
  };
  for (const node of nodes(program)) {
    const list = node.attributes ?? [];
    if (Array.isArray(list) && list[0]?.type === "ImportAttribute") {
      attributes.push([at(node.start), list.map(({ key, value }) => [key.name ?? key.value, value.value])]);
    }
    if (isMeta(member(node, "env"))) env.push(at(node.start));
    if (isMeta(member(node, "hot"))) hot.used = true;
    if (node.type !== "CallExpression") continue;
    if (isMeta(member(member(node.callee, "accept"), "hot"))) {
      const found = accepted(node.arguments[0]);
      if (found) hot.accepted.push(...found);
      else hot.self = true;
    } else if (isMeta(member(member(node.callee, "acceptExports"), "hot"))) {
      hot.exports = [...(hot.exports ?? []), ...(accepted(node.arguments[0]) ?? []).map(([name]) => name)];
    }
  }
  hot.accepted.sort((a, b) => a[1] - b[1]);
  hot.exports &&= [...new Set(hot.exports)].sort();
  return { attributes: attributes.sort((a, b) => a[0] - b[0]), env: env.sort((a, b) => a - b), hot };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { file, source = readFileSync(file, "utf8") } = JSON.parse(line);
  const result = parseSync(file ?? "x.js", source, { sourceType: "module", lang: "js" });
  // To look into the tree of every real file would take a minute.
  const isThorough = !file || /\bimport\s*\.\s*meta\b|["']\s*(?:with|assert)\s*\{/.test(source);
  console.log(JSON.stringify(
    result.errors.length ? null : { ...modules(source, result, isThorough), details: isThorough ? details(source, result) : null },
  ));
}
