const none: ReadonlySet<string> = new Set();

/**
 * Returns the lower-case names that `Connection` declares hop-by-hop (RFC 9110 §7.6.1). A set, since
 * the list can be as long as the headers.
 */
export function connectionNamed(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): ReadonlySet<string> {
  let named: Set<string> | undefined;
  for (const name of Object.keys(headers)) {
    if (!isConnection(name)) continue;
    named ??= new Set();
    const listed = [headers[name] ?? []].flat().join(',').split(',');
    for (const one of listed) named.add(one.trim().toLowerCase());
  }
  return named ?? none;
}

function isConnection(name: string): boolean {
  return name.length === 'connection'.length && name.toLowerCase() === 'connection';
}
