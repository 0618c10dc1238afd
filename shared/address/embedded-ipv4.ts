import { addressSet } from './address-set.ts';

type Groups = readonly number[];

const at = (groups: Groups, i: number) => dotted(groups[i], groups[i + 1]);
const tail = (groups: Groups) => [at(groups, 6)];

const embeddings: readonly (readonly [cidr: string, read: (groups: Groups) => string[]])[] = [
  // IPv4-compatible, -mapped and -translated (RFC 4291 §2.5.5, RFC 2765 §2.1).
  ['::/96', tail],
  ['::ffff:0:0/96', tail],
  ['::ffff:0:0:0/96', tail],
  // NAT64, the well-known and the local-use prefix (RFC 6052 §2, RFC 8215).
  ['64:ff9b::/96', tail],
  ['64:ff9b:1::/48', tail],
  // 6to4 (RFC 3056 §2).
  ['2002::/16', (groups) => [at(groups, 1)]],
  // Teredo: the server, and the client with its bits inverted (RFC 4380 §4).
  [
    '2001::/32',
    (groups) => [
      at(groups, 2),
      at(
        groups.map((group) => ~group),
        6,
      ),
    ],
  ],
];

export const embeddingCidrs = embeddings.map(([cidr]) => cidr);

const blocks = embeddings.map(([cidr, read]) => ({ set: addressSet([cidr]).ipv6, read }));
const unspecifiedAndLoopback = addressSet(['::/127']).ipv6;

/** The IPv4 addresses that packets to this IPv6 address may reach; none for an IPv4 address. */
export function embeddedIpv4(address: string): string[] {
  if (!address.includes(':') || unspecifiedAndLoopback.check(address, 'ipv6')) return [];
  const groups = groupsOf(address);
  const found = blocks.filter(({ set }) => set.check(address, 'ipv6'));
  // ISATAP addresses may have any prefix; the interface identifier marks them (RFC 5214 §6.1).
  const isIsatap = groups[5] === 0x5efe && (groups[4] === 0 || groups[4] === 0x200);
  return [...found.flatMap(({ read }) => read(groups)), ...(isIsatap ? tail(groups) : [])];
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high, low >> 8, low].map((byte) => byte & 0xff).join('.');
}

function groupsOf(address: string): Groups {
  // The URL parser writes a dotted tail as hexadecimal groups.
  const [head = '', rest = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [left = [], right = []] = [head, rest].map((text) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)),
  );
  const zeros = Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right];
}
