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
  const others = splitList([received].flat().join(',')).filter(
    (member) => isWhole(member) && !ours.test(member),
  );
  return [...others, own].join(', ');
}

/** False if a quote stays open: such a member would swallow the proxy's own, which follows it. */
function isWhole(member: string): boolean {
  return /^(?:"(?:\\.|[^"\\])*"|[^"])*$/.test(member);
}

/** Splits a structured list (RFC 8941 §3.1) at the commas outside of quoted strings. */
function splitList(text: string): string[] {
  const members = text.match(/(?:"(?:\\.|[^"\\])*"|[^",]|")+/g) ?? [];
  return members.map((member) => member.trim()).filter((member) => member !== '');
}
