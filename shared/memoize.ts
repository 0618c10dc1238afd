export function memoize<K extends object, V extends {}>(make: (key: K) => V): (key: K) => V {
  const cache = new WeakMap<K, V>();
  return (key) => {
    let value = cache.get(key);
    if (value === undefined) {
      value = make(key);
      cache.set(key, value);
    }
    return value;
  };
}

const maxTexts = 1000;
/** Results for longer texts are not cached, which bounds the memory. */
const maxCharacters = 1024;

/** Caches the result of `make` per text, for up to 1000 texts: most texts recur. */
export function memoizeByText<V extends {}>(make: (text: string) => V): (text: string) => V {
  const cache = new Map<string, V>();
  return (text) => {
    let value = cache.get(text);
    if (value === undefined) {
      value = make(text);
      if (text.length > maxCharacters) return value;
      // Simpler than tracking use, and as good if a few texts recur.
      if (cache.size === maxTexts) cache.clear();
      cache.set(text, value);
    }
    return value;
  };
}
