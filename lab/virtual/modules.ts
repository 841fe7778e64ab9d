/** Chooses kernel modules: wanted names, what they depend on, and their soft dependencies. */

export interface ModuleIndex {
  /** Path below `lib/modules/<release>` by module name. */
  paths: ReadonlyMap<string, string>;
  /** Names of the modules that one needs, as loaded before it: the deepest last, as depmod writes them. */
  needs: ReadonlyMap<string, readonly string[]>;
  /** Names that a module asks for softly (`pre:` and `post:`), possibly aliases. */
  soft: ReadonlyMap<string, readonly string[]>;
}

/** The kernel takes `-` and `_` in module names for the same. */
export function moduleName(nameOrPath: string): string {
  const base = nameOrPath.slice(nameOrPath.lastIndexOf('/') + 1);
  return base.replace(/\.ko(\.(xz|gz|zst))?$/, '').replaceAll('-', '_');
}

/** Reads `modules.dep` and `modules.softdep` as depmod writes them. */
export function indexModules(dep: string, softdep: string): ModuleIndex {
  const paths = new Map<string, string>();
  const needs = new Map<string, string[]>();
  for (const line of dep.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const path = line.slice(0, colon);
    paths.set(moduleName(path), path);
    needs.set(moduleName(path), words(line.slice(colon + 1)).map(moduleName));
  }
  const soft = new Map<string, string[]>();
  for (const line of softdep.split('\n')) {
    const [keyword, name, ...rest] = words(line);
    if (keyword !== 'softdep' || name === undefined) continue;
    const names = rest.filter((word) => word !== 'pre:' && word !== 'post:').map(moduleName);
    soft.set(moduleName(name), [...(soft.get(moduleName(name)) ?? []), ...names]);
  }
  return { paths, needs, soft };
}

/** All modules that the patterns name, with what they need; sorted. Patterns that match nothing are in `unmatched`. */
export function closure(
  index: ModuleIndex,
  patterns: readonly string[],
): { names: string[]; unmatched: string[] } {
  const unmatched: string[] = [];
  const queue: string[] = [];
  for (const pattern of patterns) {
    const match = matcher(pattern);
    const found = [...index.paths.keys()].filter((name) => match.test(name));
    if (found.length === 0) unmatched.push(pattern);
    queue.push(...found);
  }
  const names = new Set<string>();
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (names.has(name) || !index.paths.has(name)) continue;
    names.add(name);
    queue.push(...(index.needs.get(name) ?? []), ...(index.soft.get(name) ?? []));
  }
  return { names: [...names].sort(), unmatched };
}

/** The modules of the list and what they need, each after what it needs: an order for insmod. */
export function loadOrder(index: ModuleIndex, names: readonly string[]): string[] {
  const order = new Set<string>();
  for (const name of names.map(moduleName)) {
    if (!index.paths.has(name)) continue;
    for (const need of [...(index.needs.get(name) ?? [])].reverse()) order.add(need);
    order.add(name);
  }
  return [...order];
}

function matcher(pattern: string): RegExp {
  const source = moduleName(pattern)
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
