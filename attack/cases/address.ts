import { type Attack, type Outcome, ownOf, type Scene } from '../scene/attack.ts';
import { refused } from '../scene/judge.ts';
import { call, describe } from '../scene/wire.ts';

const denied = ['destination_denied'];

/** One address of each kind that may receive no token. */
const addresses: Readonly<Record<string, string>> = {
  loopback: '127.0.0.1',
  'another loopback': '127.8.8.8',
  'this network': '0.0.0.0',
  'private, 10/8': '10.0.0.1',
  'private, 172.16/12': '172.31.255.255',
  'private, 192.168/16': '192.168.1.1',
  'link-local': '169.254.1.1',
  'cloud metadata': '169.254.169.254',
  "Alibaba's metadata": '100.100.100.200',
  CGNAT: '100.64.0.1',
  'protocol assignments': '192.0.0.1',
  documentation: '192.0.2.1',
  benchmarking: '198.18.0.1',
  multicast: '224.0.0.1',
  reserved: '240.0.0.1',
  broadcast: '255.255.255.255',
  'IPv6 loopback': '::1',
  'IPv6 unspecified': '::',
  'IPv6 unique local': 'fd00::1',
  'IPv6 link-local': 'fe80::1',
  'IPv6 site-local': 'fec0::1',
  'IPv6 multicast': 'ff02::1',
  'IPv6 documentation': '2001:db8::1',
  'IPv6 discard': '100::1',
  'an IPv4-mapped address': '::ffff:127.0.0.1',
  'an IPv4-compatible address': '::127.0.0.1',
  NAT64: '64:ff9b::7f00:1',
  'local NAT64': '64:ff9b:1::7f00:1',
  '6to4': '2002:7f00:1::',
  Teredo: '2001:0:7f00:1::',
  'IPv6 metadata': 'fd00:ec2::254',
};

/** A made-up name for each. A trap listens there if this machine has the address. */
const namedAttacks = Object.entries(addresses).map(
  ([kind, address]): Attack => ({
    class: 'address',
    name: `a name that resolves to ${kind}`,
    ownOnly: true,
    run: (scene) => denyName(scene, [[address]]),
  }),
);

let names = 0;

/** A new name each time, for which no pool exists yet. */
function denyName(scene: Scene, turns: string[][], type = 'public'): Promise<Outcome> {
  const own = ownOf(scene);
  const host = `a${names++}.market.example`;
  own.names.answer(host, ...turns);
  return refused(scene, denied, { TokenType: type, ApiUri: `https://${host}:${own.port}/` });
}

const literals: Readonly<Record<string, string>> = {
  'the upstream, by its address': '127.0.0.2',
  'loopback in one number': '2130706433',
  'loopback in hex': '0x7f000001',
  'loopback in octal': '0177.0.0.1',
  'loopback in two parts': '127.1',
  'loopback in full-width digits': '１２７.0.0.1',
  'IPv6 loopback': '[::1]',
  'a mapped address': '[::ffff:127.0.0.2]',
  'a mapped address in hex': '[::ffff:7f00:2]',
  'cloud metadata': '169.254.169.254',
  localhost: 'localhost',
};

const literalAttacks = Object.entries(literals).map(
  ([kind, host]): Attack => ({
    class: 'address',
    name: `${kind} as host`,
    run: (scene) => {
      const { port } = new URL(scene.origin);
      return refused(scene, [...denied, 'request_invalid'], { ApiUri: `https://${host}:${port}/` });
    },
  }),
);

export const addressAttacks: readonly Attack[] = [
  ...namedAttacks,
  ...literalAttacks,
  {
    class: 'address',
    name: 'several answers of which one is bad',
    ownOnly: true,
    run: (scene) => denyName(scene, [['127.0.0.2', '127.0.0.3']], 'wild'),
  },
  {
    class: 'address',
    name: 'a bad answer of the other family',
    ownOnly: true,
    run: (scene) => denyName(scene, [['127.0.0.2', '::1']], 'wild'),
  },
  {
    class: 'address',
    name: 'a name that answers differently the second time',
    ownOnly: true,
    run: async (scene) => {
      const own = ownOf(scene);
      const host = 'rebinding.market.example';
      own.names.answer(host, ['127.0.0.2'], ['127.0.0.3']);
      const members = { TokenType: 'wild', ApiUri: `https://${host}:${own.port}/` };
      const first = await call(scene, members);
      if (first.status !== 200) return { held: false, happened: `first: ${describe(first)}` };
      // A new connection resolves the name again.
      for (const socket of scene.upstream.open) socket.destroy();
      return refused(scene, [...denied, 'upstream_unreachable'], members);
    },
  },
  {
    class: 'address',
    name: "a connection that another type's policy let through",
    ownOnly: true,
    run: async (scene) => {
      const own = ownOf(scene);
      const host = 'pooled.market.example';
      own.names.answer(host, ['127.0.0.2']);
      const ApiUri = `https://${host}:${own.port}/`;
      const first = await call(scene, { TokenType: 'wild', ApiUri });
      if (first.status !== 200) return { held: false, happened: `first: ${describe(first)}` };
      return refused(scene, denied, { TokenType: 'public', ApiUri });
    },
  },
  ...(['proxy', 'keyserver'] as const).map(
    (which): Attack => ({
      class: 'address',
      name: `the pair's own listener: ${which === 'proxy' ? 'SecureProxy' : 'KeyServer'}`,
      ownOnly: true,
      run: (scene) => {
        const { port } = new URL(which === 'proxy' ? scene.proxy : ownOf(scene).keyserver);
        return refused(scene, denied, { TokenType: 'self', ApiUri: `http://127.0.0.1:${port}/` });
      },
    }),
  ),
];
