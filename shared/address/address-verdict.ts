import { type AddressSet, addressSet, familyOf } from './address-set.ts';
import { embeddedIpv4, embeddingCidrs } from './embedded-ipv4.ts';

/**
 * Special-purpose address blocks (IANA IPv4 and IPv6 Special-Purpose Address Registries, RFC 6890)
 * and the blocks that embed an IPv4 address, each with the name of its verdict.
 */
const specialBlocks: readonly (readonly [verdict: string, ...cidrs: string[]])[] = [
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['unspecified', '0.0.0.0/8', '::/128'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10'],
  ['link_local', '169.254.0.0/16', 'fe80::/10'],
  ['cgnat', '100.64.0.0/10'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  ['embedded_ipv4', ...embeddingCidrs],
  [
    'reserved',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.31.196.0/24',
    '192.52.193.0/24',
    '192.88.99.0/24',
    '192.175.48.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '240.0.0.0/4',
    '100::/64',
    '100:0:0:1::/64',
    '2001::/23',
    '2001:db8::/32',
    '2620:4f:8000::/48',
    '3fff::/20',
    '5f00::/16',
  ],
  // Everything outside of global unicast (2000::/3).
  ['reserved', '::/3', '4000::/2', '8000::/1'],
];

/** Cloud metadata services, which no type can allow. */
const metadataCidrs = [
  '169.254.169.254/32',
  '169.254.170.2/32',
  '169.254.170.23/32',
  '169.254.0.23/32',
  '169.254.42.42/32',
  '192.0.0.192/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
  'fd00:ec2::254/128',
  'fd00:ec2::23/128',
  'fd20:ce::254/128',
  'fd00:42::42/128',
  'fd00:a9fe:a9fe::1/128',
  'fe80::a9fe:a9fe/128',
];

const special = specialBlocks.map(([verdict, ...cidrs]) => [verdict, addressSet(cidrs)] as const);
const metadata = addressSet(metadataCidrs);
const mapped = addressSet(['::ffff:0:0/96']);

/**
 * Returns why a token must not be sent to this IP address: the name of the block that contains it;
 * undefined if it is public, or private and in `allowed`. Embedded IPv4 addresses are judged too, so
 * that allowing a translator's prefix allows nothing behind the translator. Text that is not an IP
 * address gives `not_an_address`.
 */
export function addressVerdict(address: string, allowed: AddressSet): string | undefined {
  const family = familyOf(address);
  if (family === undefined) return 'not_an_address';
  const isIn = (set: AddressSet) => set[family].check(address, family);
  if (isIn(metadata)) return 'metadata';
  // A socket would dial the embedded IPv4 address, and no caller needs this spelling.
  if (isIn(mapped)) return 'embedded_ipv4';
  const within = embeddedIpv4(address).map((inner) => addressVerdict(inner, allowed));
  if (within.includes('metadata')) return 'metadata';
  const found = special.find(([, blocks]) => isIn(blocks))?.[0];
  const isAllowed = isIn(allowed) && within.every((verdict) => verdict === undefined);
  return isAllowed ? undefined : (found ?? (within.length > 0 ? 'embedded_ipv4' : undefined));
}
