/**
 * From what travels to what is fetched: wire paths are without base, and decoded but for `%`, `?` and `#`.
 *
 * Invariant: the URL is the one that the server writes into importers (parameters in the order `import`,
 * `t`, then the module's own), since another spelling would be another instance of the module.
 */

/**
 * @param {import("./context.js").ModuleUpdate} update
 * @param {string} base
 * @returns {string} URL of the update's module
 */
export function moduleUrl({ acceptedPath, timestamp, explicitImportRequired }, base) {
  const [path, query] = split(acceptedPath);
  const parameters = [`t=${timestamp}`];
  if (explicitImportRequired) parameters.unshift("import");
  if (query) parameters.push(query);
  return `${base}${path.slice(1)}?${parameters.join("&")}`;
}

/**
 * Put parameters ahead of a URL's query, as code does that imports a computed URL.
 *
 * @param {string} url one that is neither relative nor rooted is returned as it is
 * @param {string} parameters
 */
export function injectQuery(url, parameters) {
  return url.startsWith(".") || url.startsWith("/") ? prepend(url, parameters) : url;
}

/**
 * Set a URL's timestamp; its other parameters stay as they are spelled.
 *
 * @param {string} url
 * @param {number} timestamp
 */
export function restamp(url, timestamp) {
  return prepend(withoutTimestamp(url), `t=${timestamp}`);
}

/**
 * @param {string} url
 * @returns {string} `url` without the parameter `t`, and without fragment
 */
export function withoutTimestamp(url) {
  const [path, query] = split(url.replace(/#.*$/s, ""));
  const kept = query.split("&").filter((part) => part && part !== "t" && !part.startsWith("t="));
  return kept.length > 0 ? `${path}?${kept.join("&")}` : path;
}

/**
 * @param {string} url
 * @returns {[path: string, query: string]}
 */
export function split(url) {
  const mark = url.indexOf("?");
  return mark < 0 ? [url, ""] : [url.slice(0, mark), url.slice(mark + 1)];
}

/**
 * @param {string} url
 * @param {string} parameters
 */
function prepend(url, parameters) {
  const hash = url.includes("#") ? url.slice(url.indexOf("#")) : "";
  const [path, query] = split(url.slice(0, url.length - hash.length));
  return `${path}?${parameters}${query && `&${query}`}${hash}`;
}
