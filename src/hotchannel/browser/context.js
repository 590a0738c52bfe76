/**
 * The hot module runtime: what `import.meta.hot` is, and how an update is applied.
 *
 * Knows neither DOM nor socket: importing, sending and logging are handed in. Invariant: a module's old
 * instance is torn down only once the new one was fetched and parsed, so a failed update leaves the page
 * as it was. Follows Vite's `import.meta.hot` and protocol.md, sections 5 and 6.
 */

/** @typedef {Record<string, any>} ModuleNamespace what `import()` gives */
/** @typedef {(data: any) => unknown} Listener may be async; is waited for */
/** @typedef {(modules: Array<ModuleNamespace | undefined>) => unknown} AcceptCallback one module for each dependency, undefined where it did not change or could not be loaded */
/** @typedef {ReadonlyMap<string, HotContext | null | undefined>} Instances by URL, the context of the instance that runs */
/** @typedef {{ deps: readonly string[], callback: AcceptCallback }} Acceptance */

/**
 * One entry of an `update` message that concerns a module.
 *
 * @typedef {object} ModuleUpdate
 * @property {string} path URL of the boundary, without base, decoded
 * @property {string} acceptedPath URL of the module that is imported again
 * @property {number} timestamp milliseconds; becomes `?t=`
 * @property {boolean} [explicitImportRequired] the URL needs `?import` to be answered as JavaScript
 * @property {boolean} [isWithinCircularImport] the boundary is in an import cycle
 * @property {string} [firstInvalidatedBy] URL of the module whose `invalidate()` began this
 */

/**
 * What the runtime needs of its surroundings.
 *
 * @typedef {object} Surroundings
 * @property {(update: ModuleUpdate) => Promise<ModuleNamespace>} importModule
 * @property {(update: ModuleUpdate, error: unknown) => Promise<void>} importFailed told before the callbacks are
 * @property {(event: string, data: unknown, meta?: unknown) => void} send a custom event to the server
 * @property {{ debug(...args: unknown[]): void, error(...args: unknown[]): void }} logger
 */

/** What is known of one module of the page, across its instances. */
class ModuleRecord {
  /** @type {HotContext | null} context of the instance that runs now */
  context = null;
  /** @type {Acceptance[]} */
  acceptances = [];
  /** @type {((data: any) => unknown) | null} */
  dispose = null;
  /** @type {((data: any) => unknown) | null} */
  prune = null;
  /** @type {Record<string, any>} survives updates, until the module is pruned */
  data = {};
}

/** Applies updates to the modules that created a context, and carries their events. */
export class HotRuntime {
  /** @type {Map<string, ModuleRecord>} */
  #modules = new Map();
  /** @type {Map<string, Array<{ owner: string, listener: Listener }>>} */
  #listeners = new Map();
  /** @type {WeakMap<HotContext, HotContext>} by the context of an instance, that of the one an update put there */
  #successors = new WeakMap();
  #surroundings;
  /** @type {string | undefined} set while callbacks run, for a chain of `invalidate()` to know its beginning */
  #firstInvalidatedBy;

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * Make `import.meta.hot` of a new instance; an older instance of the module is torn down.
   *
   * Called ahead of the module's own code, when it and all it imports are there.
   *
   * @param {string} path the module's URL, without base, decoded
   * @returns {HotContext}
   */
  createContext(path) {
    let record = this.#modules.get(path);
    if (record) {
      this.#tearDown(path, record);
    } else {
      record = new ModuleRecord();
      this.#modules.set(path, record);
    }
    record.context = new HotContext(this, path, record);
    return record.context;
  }

  /**
   * Fetch all modules of one message in parallel, then run the callbacks in the message's order.
   *
   * @param {readonly ModuleUpdate[]} updates
   * @param {Instances} meant what was there when the message came
   */
  async update(updates, meant) {
    const callbacks = await Promise.all(updates.map((update) => this.#load(update, meant.get(update.acceptedPath))));
    for (const run of callbacks) run();
  }

  /**
   * Tell whether a module has run in this page.
   *
   * @param {string} path
   */
  has(path) {
    return this.#modules.has(path);
  }

  /**
   * Note which instances of modules are there now, for `update()` and `prune()`.
   *
   * @param {readonly string[]} paths
   * @returns {Instances}
   */
  instances(paths) {
    return new Map(paths.map((path) => [path, this.#modules.get(path)?.context]));
  }

  /**
   * Let go of modules that nothing imports any more: dispose all, prune all, drop their data.
   *
   * One that was imported again meanwhile, so that a newer instance runs, is kept.
   *
   * @param {Instances} meant
   */
  async prune(meant) {
    const paths = [...meant.keys()].filter((path) => this.#isMeant(path, meant.get(path)));
    const records = paths.map((path) => this.#modules.get(path));
    await Promise.all(records.map((record) => record && this.#guard(record.dispose, record.data)));
    await Promise.all(records.map((record) => record && this.#guard(record.prune, record.data)));
    for (const path of paths) {
      this.#removeListeners(path);
      this.#modules.delete(path);
    }
  }

  /**
   * Tell whether the instance that runs now is `context`'s, or what an update has made of it.
   *
   * @param {string} path
   * @param {HotContext | null | undefined} context
   */
  #isMeant(path, context) {
    const now = this.#modules.get(path)?.context;
    while (context && context !== now) context = this.#successors.get(context);
    return context === now;
  }

  /**
   * Tell the listeners of an event, and wait for them; what they throw is logged.
   *
   * @param {string} event
   * @param {unknown} data
   */
  async emit(event, data) {
    const entries = this.#listeners.get(event) ?? [];
    await Promise.all(entries.map(({ listener }) => this.#guard(listener, data)));
  }

  /**
   * @param {string} event
   * @param {string} owner path of the module that listens
   * @param {Listener} listener
   */
  addListener(event, owner, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), { owner, listener }]);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  removeListener(event, listener) {
    this.#keepListeners(event, (entry) => entry.listener !== listener);
  }

  /**
   * @param {string} event
   * @param {unknown} data
   * @param {unknown} [meta]
   */
  send(event, data, meta) {
    this.#surroundings.send(event, data, meta);
  }

  /**
   * Hand an update on to the importers of a module: the server walks on from there.
   *
   * @param {string} path
   * @param {string} [message]
   */
  invalidate(path, message) {
    const data = { path, message, firstInvalidatedBy: this.#firstInvalidatedBy ?? path };
    void this.emit("vite:invalidate", data);
    this.send("vite:invalidate", data);
    this.#surroundings.logger.debug(`invalidate ${path}${message ? `: ${message}` : ""}`);
  }

  /**
   * Import one update's module.
   *
   * @param {ModuleUpdate} update
   * @param {HotContext | null | undefined} meant
   * @returns {Promise<() => void>} runs the callbacks; does nothing where the update is not for this page
   */
  async #load(update, meant) {
    const { path, acceptedPath } = update;
    const boundary = this.#modules.get(path);
    const called = boundary?.acceptances.filter(({ deps }) => deps.includes(acceptedPath)) ?? [];
    if (!boundary || (path !== acceptedPath && called.length === 0)) return () => {};

    const record = this.#modules.get(acceptedPath);
    const before = record && { context: record.context, acceptances: record.acceptances };
    /** @type {ModuleNamespace | undefined} */
    let namespace;
    try {
      namespace = await this.#surroundings.importModule(update);
      const isNew = record?.context !== before?.context;
      // One that came since the message did is this version: an importer has run it already.
      const old = isNew ? before?.context : meant;
      // A new version without `import.meta.hot` creates no context, and the old instance is over all the same.
      if (record && !isNew && this.#isMeant(acceptedPath, meant)) this.#tearDown(acceptedPath, record);
      else if (record?.context && old) this.#successors.set(old, record.context);
    } catch (error) {
      // One that failed while it ran may have accepted nothing yet; the next update must find its callbacks.
      if (record && before && record.acceptances.length === 0) record.acceptances = before.acceptances;
      await this.#surroundings.importFailed(update, error);
    }
    return () => this.#apply(update, called, namespace);
  }

  /**
   * @param {ModuleUpdate} update
   * @param {readonly Acceptance[]} called
   * @param {ModuleNamespace | undefined} namespace
   */
  #apply({ path, acceptedPath, firstInvalidatedBy }, called, namespace) {
    this.#firstInvalidatedBy = firstInvalidatedBy;
    for (const { deps, callback } of called) {
      void this.#guard(callback, deps.map((dep) => (dep === acceptedPath ? namespace : undefined)));
    }
    this.#firstInvalidatedBy = undefined;
    if (!namespace) return;
    const shown = path === acceptedPath ? path : `${acceptedPath} via ${path}`;
    this.#surroundings.logger.debug(`hot updated: ${shown}`);
  }

  /**
   * @param {string} path
   * @param {ModuleRecord} record
   */
  #tearDown(path, record) {
    const { dispose, data } = record;
    record.acceptances = [];
    record.dispose = null;
    record.prune = null;
    this.#removeListeners(path);
    void this.#guard(dispose, data);
  }

  /** @param {string} owner */
  #removeListeners(owner) {
    for (const event of [...this.#listeners.keys()]) {
      this.#keepListeners(event, (entry) => entry.owner !== owner);
    }
  }

  /**
   * @param {string} event
   * @param {(entry: { owner: string, listener: Listener }) => boolean} isKept
   */
  #keepListeners(event, isKept) {
    const kept = (this.#listeners.get(event) ?? []).filter(isKept);
    if (kept.length > 0) this.#listeners.set(event, kept);
    else this.#listeners.delete(event);
  }

  /**
   * Call what a module handed in; its errors are logged and harm nothing else.
   *
   * @template T
   * @param {((argument: T) => unknown) | null} callback
   * @param {T} argument
   */
  async #guard(callback, argument) {
    try {
      await callback?.(argument);
    } catch (error) {
      this.#surroundings.logger.error(error);
    }
  }
}

/** `import.meta.hot` of one instance of a module. */
export class HotContext {
  #runtime;
  #path;
  #record;

  /**
   * @param {HotRuntime} runtime
   * @param {string} path
   * @param {ModuleRecord} record
   */
  constructor(runtime, path, record) {
    this.#runtime = runtime;
    this.#path = path;
    this.#record = record;
  }

  /** What an instance leaves to the next; the same object across updates. */
  get data() {
    return this.#record.data;
  }

  /**
   * Accept updates: of the module itself, of one dependency, or of several.
   *
   * The callback gets the new module, undefined where it could not be loaded; for several dependencies
   * an array, with undefined for those that did not change.
   *
   * @param {string | readonly string[] | ((module: any) => unknown)} [deps] dependencies' URLs; the server puts them in for the specifiers of the source
   * @param {(modules: any) => unknown} [callback]
   * @throws {TypeError} `deps` is none of these
   */
  accept(deps, callback) {
    const own = typeof deps === "function" ? deps : undefined;
    if (own || !deps) {
      this.#accept([this.#path], ([module]) => own?.(module));
    } else if (typeof deps === "string") {
      this.#accept([deps], ([module]) => callback?.(module));
    } else if (Array.isArray(deps)) {
      this.#accept(deps, (modules) => callback?.(modules));
    } else {
      throw new TypeError("import.meta.hot.accept() takes a callback, or dependencies and a callback");
    }
  }

  /**
   * Accept updates for importers that use only these exports; the server reads the names in the source.
   *
   * @param {string | readonly string[]} _names
   * @param {(module: any) => unknown} [callback]
   */
  acceptExports(_names, callback) {
    this.#accept([this.#path], ([module]) => callback?.(module));
  }

  /** @param {(data: any) => unknown} callback runs when a newer instance takes over; the last one given counts */
  dispose(callback) {
    this.#record.dispose = callback;
  }

  /** @param {(data: any) => unknown} callback runs when nothing imports the module any more */
  prune(callback) {
    this.#record.prune = callback;
  }

  /** Does nothing; it is there because older code calls it. */
  decline() {}

  /** @param {string} [message] why this module cannot take the update itself */
  invalidate(message) {
    this.#runtime.invalidate(this.#path, message);
  }

  /**
   * Listen to an event; over when the module is replaced.
   *
   * @param {string} event
   * @param {Listener} listener
   */
  on(event, listener) {
    this.#runtime.addListener(event, this.#path, listener);
  }

  /**
   * @param {string} event
   * @param {Listener} listener
   */
  off(event, listener) {
    this.#runtime.removeListener(event, listener);
  }

  /**
   * Send a custom event to the server; before the socket is open it waits.
   *
   * @param {string} event
   * @param {unknown} [data] anything JSON can say; or an ArrayBuffer or a view of one, which travels as it is
   * @param {unknown} [meta] beside such bytes, anything JSON can say
   */
  send(event, data, meta) {
    this.#runtime.send(event, data, meta);
  }

  /**
   * @param {readonly string[]} deps
   * @param {AcceptCallback} callback
   */
  #accept(deps, callback) {
    this.#record.acceptances.push({ deps, callback });
  }
}
