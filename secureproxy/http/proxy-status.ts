import { proxyName } from './via.ts';

/** Matches a member in the proxy's own name, a token or a quoted string (RFC 9209 §2). */
const ours = new RegExp(`^"?${proxyName}(?:[";=\\s]|$)`, 'i');

/** Returns the `Proxy-Status` of an upstream's answer: its members, except any forged in the proxy's name, then the proxy's own. */
export function proxyStatus(
  received: string | readonly string[] | undefined,
  status: number,
): string {
  const own = `${proxyName}; received-status=${status}`;
  if (received === undefined) return own;
  const others = wholeMembers([received].flat().join(',')).filter((member) => !ours.test(member));
  return [...others, own].join(', ');
}

/**
 * Splits a structured list (RFC 8941 §3.1) at the commas outside of quoted strings, without members in
 * which a quote stays open: they would swallow the proxy's own, which follows. In one pass, since a
 * pattern would look for the end of each open quote anew.
 */
function wholeMembers(text: string): string[] {
  const quoted = /"(?:\\.|[^"\\])*"/y;
  const members: string[] = [];
  let [start, isWhole, canClose] = [0, true, true];
  for (let at = 0; at <= text.length; at++) {
    if (text[at] === '"') {
      quoted.lastIndex = at;
      // Behind a quote that stays open, all others are escaped.
      canClose &&= quoted.test(text);
      if (canClose) at = quoted.lastIndex - 1;
      else isWhole = false;
    } else if (at === text.length || text[at] === ',') {
      const member = text.slice(start, at).trim();
      if (isWhole && member !== '') members.push(member);
      [start, isWhole] = [at + 1, true];
    }
  }
  return members;
}
