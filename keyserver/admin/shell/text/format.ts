import { printableLines, unprintable } from './table.ts';

/** How a result is printed for programs. Its strings cannot act on a terminal. */
export interface Format {
  readonly value: (value: unknown) => string;
  /** The text of one list, part by part; no part is empty. */
  readonly list: (parts: Iterable<readonly unknown[]>) => Iterable<string>;
}

export const json: Format = {
  value: (value) => `${safeJson(value)}\n`,
  *list(parts) {
    let before = '[';
    for (const part of parts) {
      yield before + safeJson(part).slice(1, -2);
      before = ',';
    }
    yield before === '[' ? '[]\n' : '\n]\n';
  },
};

/** @param stringify makes YAML of a value */
export function yaml(stringify: (value: unknown) => string): Format {
  // Every reader of YAML reads JSON, which can escape what YAML leaves as it is.
  const safe = (value: unknown, escaped: () => string) => {
    const text = stringify(value);
    return printableLines(text) === text ? text : escaped();
  };
  return {
    value: (value) => safe(value, () => json.value(value)),
    *list(parts) {
      let isEmpty = true;
      for (const part of parts) {
        yield safe(part, () => part.map(jsonItem).join(''));
        isEmpty = false;
      }
      if (isEmpty) yield stringify([]);
    },
  };
}

/** JSON as an item of a list in YAML. */
function jsonItem(value: unknown): string {
  return `- ${safeJson(value).replaceAll('\n', '\n  ')}\n`;
}

function safeJson(value: unknown): string {
  const escaped = (one: string) =>
    one === '\n' ? one : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 2).replace(unprintable, escaped);
}
