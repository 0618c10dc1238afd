import type { Socket } from 'node:net';
import t from 'tap';
import { guardedConnector } from '../../secureproxy/guarded-connector.ts';
import { createOwnListeners } from '../../secureproxy/own-listeners.ts';
import { addressSet } from '../../shared/policy/address-set.ts';
import { resolvesTo } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';

/** Dials as undici does: `hostname` is what it would connect to. */
function dial(origin: string, hostname: string, allowed: readonly string[]) {
  const { port, protocol, host } = new URL(origin);
  const connector = guardedConnector({
    origin: new URL(origin),
    allowed: addressSet(allowed),
    ownListeners: createOwnListeners([]),
    timeoutMs: 5000,
    ca: undefined,
    lookup: resolvesTo('127.0.0.1'),
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

t.test('judges the peer that was reached, should nobody have asked before', async (t) => {
  const upstream = await startUpstream(t);
  const origin = `http://shop.example:${upstream.port}`;
  // An address in the place of the name, for which no resolver is called.
  t.match(await dial(origin, '127.0.0.1', []), {
    code: 'destination_denied',
    options: { reason: 'address_loopback' },
  });
  t.equal(upstream.requests.length, 0);
});

t.test('gives a single address where a single one is wanted', async (t) => {
  const { port } = await startUpstream(t);
  for (const autoSelectFamily of [true, false]) {
    const { setDefaultAutoSelectFamily, getDefaultAutoSelectFamily } = await import('node:net');
    const before = getDefaultAutoSelectFamily();
    setDefaultAutoSelectFamily(autoSelectFamily);
    t.teardown(() => setDefaultAutoSelectFamily(before));
    const socket = await dial(`http://shop.example:${port}`, 'shop.example', ['127.0.0.0/8']);
    t.equal((socket as Socket).remoteAddress, '127.0.0.1');
    (socket as Socket).destroy();
  }
});
