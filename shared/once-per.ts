/** What `make` makes of an object, made when first asked for and kept for as long as the object is. */
export function oncePer<K extends object, V extends {}>(make: (key: K) => V): (key: K) => V {
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
