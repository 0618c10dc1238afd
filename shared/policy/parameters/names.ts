import { memoize, memoizeByText } from '../../memoize.ts';

/** No honest client encodes as often; bounds the work. */
const maxDecodings = 8;

/** A name as servers may read it: case does not count, and CGI and PHP have `_` for other characters. */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^0-9a-z]/g, '_');
}

/**
 * The folded names of the parameters of a query or an urlencoded form, in every reading of a server. It may separate
 * them at `;` too, and decode names again. PHP's rules are the widest: spaces around a name do not count, `name[]`
 * and `name[x]` are members of `name`, a `[` that stays open reads as `_`, and a NUL ends a name.
 */
export function parameterNames(text: string): string[] {
  return text.split(/[&;]/).flatMap(namesOf);
}

function namesOf(parameter: string): readonly string[] {
  const name = parameter.replace(/=.*/s, '');
  // All servers read it alike; most are such.
  return /^[\w-]*$/.test(name) ? [foldName(name)] : readingsOf(name);
}

const readingsOf = memoizeByText((spelled): readonly string[] =>
  decodeFully(spelled)
    .split(/[&;=\0]/)
    .flatMap((name) => [name, name.replace(/\[.*/s, '')])
    .map((name) => foldName(name.trim())),
);

function decodeFully(spelled: string): string {
  let text = spelled.replaceAll('+', ' ');
  for (let depth = 0; depth < maxDecodings && text.includes('%'); depth++) {
    text = text
      .replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
        Buffer.from(run.replaceAll('%', ''), 'hex').toString(),
      )
      .replace(/%u([0-9a-f]{4})/gi, (_all, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
  }
  return text;
}

/** Tests folded names against these, of which one that ends with `*` stands for all that begin like it. */
export const nameMatcher = memoize((names: readonly string[]) => {
  const isStar = (name: string) => name.endsWith('*');
  const exact = new Set(names.filter((name) => !isStar(name)).map(foldName));
  const beginnings = names.filter(isStar).map((name) => foldName(name.slice(0, -1)));
  return (folded: string): boolean =>
    exact.has(folded) || beginnings.some((beginning) => folded.startsWith(beginning));
});

/** The query without the parameters of these names; the rest keeps its bytes. */
export function withoutParameters(search: string, names: readonly string[]): string {
  const isDropped = nameMatcher(names);
  const parameters = search.slice(1).split('&');
  const kept = parameters.filter((parameter) => !namesOf(parameter).some(isDropped));
  if (kept.length === parameters.length) return search;
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}
