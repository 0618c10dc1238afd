import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { guardedConnector } from '../../../secureproxy/guard/guarded-connector.ts';
import type { Lookup } from '../../../secureproxy/guard/lookup.ts';
import { createOwnListeners, type OwnListeners } from '../../../secureproxy/guard/own-listeners.ts';
import { addressSet } from '../../../shared/address/address-set.ts';
import { resolvesTo } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

interface More {
  readonly connectTimeoutMs?: number;
  readonly lookup?: Lookup;
  readonly ownListeners?: OwnListeners;
}

/** Dials as undici does: `hostname` is what it would connect to. */
function dial(origin: string, hostname: string, allowed: readonly string[], more: More = {}) {
  const { port, protocol, host } = new URL(origin);
  const connector = guardedConnector({
    origin: new URL(origin),
    allowed: addressSet(allowed),
    ownListeners: createOwnListeners([]),
    connectTimeoutMs: 5000,
    ca: undefined,
    lookup: resolvesTo('127.0.0.1'),
    ...more,
  });
  return new Promise<Error | Socket>((done) => {
    connector({ hostname, port, protocol, host }, (error, socket) => done(error ?? socket));
  });
}

t.test('connects to an address that is allowed', async (t) => {
  const { port } = await startUpstream(t);
  const socket = await dial(`http://shop.example:${port}`, 'shop.example', ['127.0.0.1/32']);
  t.equal((socket as Socket).remoteAddress, '127.0.0.1');
  (socket as Socket).destroy();
});

t.test('connects to the host of its origin, whatever it is asked for', async (t) => {
  const upstream = await startUpstream(t);
  const origin = `http://shop.example:${upstream.port}`;
  const lookup = resolvesTo('10.0.0.1');
  // An address in place of the name would call no resolver.
  t.match(await dial(origin, '127.0.0.1', ['127.0.0.1/32'], { lookup }), {
    code: 'destination_denied',
    options: { reason: 'address_private' },
  });
  t.equal(upstream.connections(), 0);
});

t.test('refuses a name of which one address is bad, and dials none of them', async (t) => {
  const upstream = await startUpstream(t);
  const origin = `http://shop.example:${upstream.port}`;
  for (const addresses of [['127.0.0.1', '10.0.0.1'], ['10.0.0.1', '127.0.0.1'], ['10.0.0.1']]) {
    const lookup = resolvesTo(...addresses);
    t.match(await dial(origin, 'shop.example', ['127.0.0.0/8'], { lookup }), {
      code: 'destination_denied',
      message: 'The host resolves to an address that tokens must not be sent to (private).',
      options: { reason: 'address_private', proxyError: 'destination_ip_prohibited' },
    });
  }
  t.equal(upstream.connections(), 0);
});

t.test('refuses literal addresses before it dials', async (t) => {
  const upstream = await startUpstream(t);
  for (const [host, reason] of [
    ['127.0.0.1', 'address_loopback'],
    ['[::1]', 'address_loopback'],
    ['[::ffff:7f00:1]', 'address_embedded_ipv4'],
  ] as const) {
    const origin = `http://${host}:${upstream.port}`;
    t.match(await dial(origin, host.replace(/[[\]]/g, ''), []), { options: { reason } }, host);
  }
  t.equal(upstream.connections(), 0);
});

t.test('reports a resolver that fails or knows no address', async (t) => {
  const failing: Lookup = async () => {
    throw Object.assign(new Error('later'), { code: 'EAI_AGAIN' });
  };
  const origin = 'http://shop.example';
  const unresolved = { code: 'upstream_unreachable', options: { reason: 'dns' } };
  t.match(await dial(origin, 'shop.example', [], { lookup: failing }), {
    ...unresolved,
    cause: { code: 'EAI_AGAIN' },
  });
  t.match(await dial(origin, 'shop.example', [], { lookup: resolvesTo() }), {
    ...unresolved,
    cause: { message: 'no address of shop.example' },
  });
});

t.test('a name that is not resolved in time says so, and opens nothing later', async (t) => {
  const upstream = await startUpstream(t);
  const origin = `http://shop.example:${upstream.port}`;
  const late = Promise.withResolvers<readonly string[]>();
  const silent = { lookup: () => late.promise, connectTimeoutMs: 20 };
  t.match(await dial(origin, 'shop.example', ['127.0.0.1/32'], silent), {
    code: 'upstream_timeout',
    options: { reason: 'dns_timeout', proxyError: 'dns_timeout' },
  });
  late.resolve(['127.0.0.1']);
  await setImmediate();
  t.equal(upstream.connections(), 0);
});

t.test('knows own listeners at the ports that URLs leave out', async (t) => {
  const address = '93.184.215.14';
  for (const [keyserver, origin] of [
    ['https://keys.example', 'https://shop.example'],
    ['http://keys.example', 'http://shop.example'],
    ['http://keys.example:443', 'https://shop.example'],
    ['https://keys.example:80', 'http://shop.example'],
  ] as const) {
    const ownListeners = createOwnListeners([new URL(keyserver)], async () => [address]);
    const answer = await dial(origin, 'shop.example', [], {
      lookup: resolvesTo(address),
      ownListeners,
    });
    t.match(answer, { options: { reason: 'address_own_listener' } }, `${keyserver}, ${origin}`);
  }
});
