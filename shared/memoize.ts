/** What `make` makes of an object, made when first asked for and kept for as long as the object is. */
export function memoize<K extends object, V extends {}>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, V>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}

const maxTexts = 1000;
/** A longer one is made anew each time, so that what is kept stays small. */
const maxCharacters = 1024;

/** The same for a text: of the last so many, since one that comes once often comes again. */
export function memoizeByText<V extends {}>(make: (text: string) => V): (text: string) => V {
  const made = new Map<string, V>();
  return (text) => {
    let value = made.get(text);
    if (value === undefined) {
      value = make(text);
      if (text.length > maxCharacters) return value;
      // Simpler than to keep account of use, and as good where few texts come over and over.
      if (made.size === maxTexts) made.clear();
      made.set(text, value);
    }
    return value;
  };
}
