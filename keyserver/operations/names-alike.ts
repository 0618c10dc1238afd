import leven from 'leven';

/** Capital letters that look like Latin ones; others are told apart, or look like none. */
const latinOf = new Map(
  [
    ['АВЕКМНОРСТУХІЈЅԚԜ', 'ABEKMHOPCTYXIJSQW'],
    ['ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', 'ABEZHIKMNOPTYX'],
  ].flatMap(([from = '', to = '']) => [...from].map((letter, i) => [letter, to[i] ?? ''])),
);

/** A name without what tables may ignore: case, accents, width and spaces at the end. */
export function folded(name: string): string {
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toUpperCase().trimEnd();
}

function look(name: string): string {
  return folded(name).replace(/[^\0-\x7f]/gu, (letter) => latinOf.get(letter) ?? letter);
}

/** Names of one kind, and which of them a new one may be taken for. */
export class NamesAlike {
  readonly #names = new Set<string>();
  /** The first name of each look. */
  readonly #byLook = new Map<string, string>();

  constructor(names: Iterable<string>) {
    for (const name of names) this.add('', name);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Adds a name; returns a warning if it is new and looks like another. */
  add(kind: string, name: string): string[] {
    if (this.#names.has(name)) return [];
    this.#names.add(name);
    const key = look(name);
    const other = this.#byLook.get(key);
    if (other === undefined) this.#byLook.set(key, name);
    return other === undefined ? [] : [warning(kind, name, other)];
  }
}

/** With the code of a letter, since the names may not differ to the eye. */
function warning(kind: string, name: string, other: string): string {
  const letters = [...name];
  const others = [...other];
  const letter = letters.find((one, i) => one !== others[i]) ?? others[letters.length] ?? '';
  const code = letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  return (
    `the ${kind} ${JSON.stringify(name)} is new, and looks like ${JSON.stringify(other)}: ` +
    `they differ in U+${code}`
  );
}

/** A swap of two letters counts as two. */
const maxTypingErrors = 2;

/** Asks, as the end of a sentence, whether a name like one that is not there is meant; empty if there is none. */
export function whetherMeant(name: string, names: readonly string[]): string {
  const near = names.find((one) => isNear(name, one));
  return near === undefined ? '' : `; is ${JSON.stringify(near)} meant?`;
}

/** Names that differ in a number, such as `shop-17` and `shop-18`, are as good as each other. */
function isNear(name: string, other: string): boolean {
  const digits = (text: string) => text.replace(/\D/g, '');
  return name !== other && digits(name) === digits(other) && leven(name, other) <= maxTypingErrors;
}
