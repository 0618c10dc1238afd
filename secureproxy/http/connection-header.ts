import { memoizeByText } from '../../shared/memoize.ts';

const none: ReadonlySet<string> = new Set();

/**
 * Returns the lower-case names that `Connection` declares hop-by-hop (RFC 9110 §7.6.1). A set, since
 * the list can be as long as the headers.
 */
export function connectionNamed(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): ReadonlySet<string> {
  let listed: string | undefined;
  for (const name of Object.keys(headers)) {
    const value = isConnection(name) ? headers[name] : undefined;
    if (value !== undefined) listed = listed === undefined ? `${value}` : `${listed},${value}`;
  }
  return namesIn(listed);
}

/** The same of the header's value: undici has several as an array, whatever Node's type says. */
export function namesIn(connection: string | readonly string[] | undefined): ReadonlySet<string> {
  return connection === undefined ? none : readNames(`${connection}`);
}

/** Memoized, since most connections say the same. */
const readNames = memoizeByText(
  (list): ReadonlySet<string> => new Set(list.split(',').map((one) => one.trim().toLowerCase())),
);

function isConnection(name: string): boolean {
  return name.length === 'connection'.length && name.toLowerCase() === 'connection';
}
