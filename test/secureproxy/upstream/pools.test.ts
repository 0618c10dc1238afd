import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { createOwnListeners } from '../../../secureproxy/guard/own-listeners.ts';
import { UpstreamPools } from '../../../secureproxy/upstream/pools.ts';
import { defaultInjection } from '../../../shared/policy/injection/schema.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { createAuthority } from '../../support/certificates.ts';
import { resolvesTo } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { startUpstream } from '../../support/upstream.ts';

function makePools(ca?: readonly string[], lookup = resolvesTo('127.0.0.1')): UpstreamPools {
  return new UpstreamPools({
    ownListeners: createOwnListeners([]),
    connections: 1,
    connectTimeoutMs: 5000,
    headersTimeoutMs: 5000,
    bodyTimeoutMs: 5000,
    ca,
    lookup,
  });
}

function openPools(t: Test, ca?: readonly string[]): UpstreamPools {
  const pools = makePools(ca);
  t.teardown(() => pools.close());
  return pools;
}

const policy = (...unsafeAllowPrivate: string[]): Policy => ({
  destinations: [],
  injection: defaultInjection,
  unsafeAllowPrivate,
});
const { unsafeAllowPrivate: _, ...publicOnly } = policy();

t.test('gives one pool for an origin and the addresses that a policy allows', async (t) => {
  const pools = openPools(t);
  const origin = 'https://shop.example';
  const pool = pools.get(origin, policy('10.0.0.0/8', '127.0.0.0/8'));
  t.equal(pools.get(origin, policy('127.0.0.0/8', '10.0.0.0/8')), pool, 'in any order');
  t.equal(pools.get(origin, policy('10.0.0.0/8', '127.0.0.0/8')), pool);
  const others = [
    pools.get(origin, policy('10.0.0.0/8')),
    pools.get(origin, policy()),
    pools.get('https://shop.example:8443', policy('10.0.0.0/8', '127.0.0.0/8')),
    pools.get('http://shop.example', policy('10.0.0.0/8', '127.0.0.0/8')),
  ];
  t.equal(new Set([pool, ...others]).size, 5);
  t.equal(pools.get(origin, publicOnly), others[1], 'absent is empty');
  // Written without a space between, these would be one.
  t.not(pools.get(origin, policy('1::/1', '2::/8')), pools.get(origin, policy('1::/12', '::/8')));
});

t.test('lets go of the pool that was longest unused, once its calls have ended', async (t) => {
  const upstream = await startUpstream(t);
  const pools = openPools(t);
  const allowed = policy('127.0.0.0/8');
  const origin = `http://shop.example:${upstream.port}`;
  const oldest = pools.get(origin, allowed);
  const second = pools.get('https://second.example', allowed);
  let finish = () => {};
  upstream.script((socket) => {
    finish = () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const call = oldest.request({ path: '/', method: 'GET' });
  // Used again, so that the second is the one that goes first.
  for (let i = 0; i < 998; i++) pools.get(`https://${i}.example`, allowed);
  t.equal(pools.get(origin, allowed), oldest);
  t.equal(second.closed, false, 'a thousand are kept');
  pools.get('https://one-more.example', allowed);
  t.equal(second.closed, true);
  t.not(pools.get('https://second.example', allowed), second);
  t.equal(oldest.closed, false);
  for (let i = 0; i < 997; i++) pools.get(`https://x${i}.example`, allowed);
  t.equal(oldest.closed, false);
  pools.get('https://and-one-more.example', allowed);
  t.equal(oldest.closed, true);
  await until(() => upstream.requests.length === 1);
  finish();
  const { statusCode, body } = await call;
  t.strictSame([statusCode, await body.text()], [200, 'ok']);
});

t.test('closes all pools', async (t) => {
  const pools = makePools();
  const both = [pools.get('https://a.example', policy()), pools.get('https://b.example', policy())];
  await pools.close();
  t.strictSame(
    both.map(({ closed }) => closed),
    [true, true],
  );
});

t.test('resumes TLS sessions within a policy, and never across two', async (t) => {
  const authority = await createAuthority();
  const sockets: TLSSocket[] = [];
  const server = createServer(await authority.issue(), (socket) => {
    sockets.push(socket);
    socket
      .on('error', () => undefined)
      .once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const pools = openPools(t, [authority.ca]);
  const call = async (by: Policy) => {
    const { body } = await pools.get(origin, by).request({ path: '/', method: 'GET' });
    t.equal(await body.text(), 'ok');
    return sockets.at(-1)?.isSessionReused();
  };
  t.equal(await call(policy('127.0.0.0/8')), false);
  t.equal(await call(policy('127.0.0.0/8')), true);
  t.equal(await call(policy('127.0.0.1/32')), false);
  t.equal(sockets.length, 3);
});

t.test('judges the host of an origin as a connection would', async (t) => {
  const pools = makePools();
  const origin = 'https://shop.example';
  t.equal(await pools.checkHost(origin, policy('127.0.0.0/8')), undefined);
  const denied = { code: 'destination_denied', options: { reason: 'address_loopback' } };
  await t.rejects(pools.checkHost(origin, policy()), denied);
  await t.rejects(pools.checkHost(origin, publicOnly), denied);
  const nowhere = makePools(undefined, resolvesTo());
  await t.rejects(nowhere.checkHost(origin, policy()), {
    code: 'upstream_unreachable',
    options: { reason: 'dns' },
  });
});
