/**
 * A classic script ahead of all modules: makes the import map of a packed page.
 *
 * Where it cannot (no import maps, Trusted Types, a policy that forbids `data:` scripts) the page loads its
 * modules one by one, as without a pack; the URLs are the same. See `modules/pack.py`.
 */

(() => {
  const { mark, modules, imports } = __PACK__;
  const here = /** @type {HTMLScriptElement} */ (document.currentScript);

  /** @param {Record<string, string>} all */
  function install(all) {
    const map = document.createElement("script");
    map.type = "importmap";
    map.nonce = here.nonce;
    map.textContent = JSON.stringify({ imports: all });
    here.after(map);
  }

  // A policy that comes with a header shows only when it forbids something: then, without a pack from now on.
  document.addEventListener("securitypolicyviolation", ({ blockedURI }) => {
    if (blockedURI !== "data" && !blockedURI.startsWith("data:") && blockedURI !== "inline") return;
    if (document.cookie.includes(`hotchannel-pack-${location.port}=off`)) return;
    document.cookie = `hotchannel-pack-${location.port}=off; path=/; SameSite=Strict`;
    location.reload();
  });

  const all = { ...imports };
  if (HTMLScriptElement.supports?.("importmap")) {
    for (const [names, text] of modules) {
      const data = `data:text/javascript;charset=utf-8,${text.replaceAll(mark, location.origin)}`;
      for (const name of names) all[name.startsWith("/") ? location.origin + name : name] = data;
    }
  }
  try {
    if (Object.keys(all).length > 0) install(all);
  } catch (error) {
    console.debug("[hotchannel] the modules are loaded one by one:", error);
  }
})();
