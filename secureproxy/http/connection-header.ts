const none: ReadonlySet<string> = new Set();

/**
 * Returns the lower-case names that `Connection` declares hop-by-hop (RFC 9110 §7.6.1). A set, since
 * the list can be as long as the headers.
 */
export function connectionNamed(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): ReadonlySet<string> {
  const spelled = Object.keys(headers).filter(isConnection);
  if (spelled.length === 0) return none;
  const listed = spelled.flatMap((name) => [headers[name] ?? []].flat().join(',').split(','));
  return new Set(listed.map((one) => one.trim().toLowerCase()));
}

function isConnection(name: string): boolean {
  return name.length === 'connection'.length && name.toLowerCase() === 'connection';
}
