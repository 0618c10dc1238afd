import { proxyName } from './via.ts';

/** A member of our name, which is a token or a quoted string (RFC 9209 §2). */
const ours = new RegExp(`^"?${proxyName}(?:[";=\\s]|$)`, 'i');

/** The `Proxy-Status` of an upstream's answer: its own members, less those forged in our name, then ours. */
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

/** False where a quote stays open: such a member would swallow the one behind it, which is ours. */
function isWhole(member: string): boolean {
  return /^(?:"(?:\\.|[^"\\])*"|[^"])*$/.test(member);
}

/** Members of a structured list (RFC 8941 §3.1), split at commas outside of quoted strings. */
function splitList(text: string): string[] {
  const members = text.match(/(?:"(?:\\.|[^"\\])*"|[^",]|")+/g) ?? [];
  return members.map((member) => member.trim()).filter((member) => member !== '');
}
