import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { KeyserverHttp } from '../../../secureproxy/keyserver-client/http.ts';
import { KeyserverLink } from '../../../secureproxy/keyserver-client/link.ts';
import { systemClock } from '../../../shared/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startProxy } from '../../support/proxy.ts';
import { startSwitchboard } from '../../support/switchboard.ts';

const ready = { status: 'ready', checks: { keyserver: 'reached' } };
const degraded = { status: 'degraded', checks: { keyserver: 'unreachable' } };
const unready = { status: 'unready', checks: { keyserver: 'not_reached' } };

/** A link through a switchboard to a KeyServer that is not connected yet. */
async function setUp(t: Test) {
  const keyserver = await startKeyserver(t);
  const line = await startSwitchboard(t, keyserver.url);
  line.connectTo(null);
  const { client } = await startProxy(t, {
    keyserverUrl: line.url,
    settings: { KEYSERVER_TIMEOUT_MS: '500' },
  });
  const http = new KeyserverHttp({ connections: 1, timeoutMs: 500, clock: systemClock });
  const publicKeyUrl = new URL(`${line.url}/public_key`);
  const log = capturedLog('secureproxy');
  let looks = 0;
  const counted = {
    get isAnswering() {
      return http.isAnswering;
    },
    post: (...args: Parameters<KeyserverHttp['post']>) => {
      looks += 1;
      return http.post(...args);
    },
  };
  const link = new KeyserverLink({ client, http: counted, publicKeyUrl, log: log.logger });
  t.teardown(async () => {
    link.stop();
    await http.close();
  });
  const becomes = (status: string) =>
    pollUntil(
      status,
      () => link.readiness(),
      (readiness) => readiness.status === status,
    );
  return {
    link,
    becomes,
    log,
    /** How often it has asked for itself, once KeyServer was reached. */
    looks: () => looks,
    post: () => http.post(publicKeyUrl, () => undefined, {}),
    connect: () => line.connectTo(keyserver.url),
    disconnect: () => line.connectTo(null),
    connectTo: line.connectTo,
  };
}

t.test('unready until KeyServer was reached, degraded while it does not answer', async (t) => {
  const { link, becomes, post, connect, disconnect } = await setUp(t);
  t.same(link.readiness(), unready);
  link.start();
  await t.rejects(post(), { code: 'keyserver_unavailable' });
  t.same(link.readiness(), unready);
  connect();
  t.same(await becomes('ready'), ready, 'without any call');
  t.equal((await post()).status, 200);
  disconnect();
  await t.rejects(post(), { code: 'keyserver_unavailable' });
  t.same(link.readiness(), degraded);
  connect();
  t.same(await becomes('ready'), ready, 'without any call');
});

t.test('an outage and its end are reported once', async (t) => {
  const { link, becomes, log, looks, post, connect, disconnect } = await setUp(t);
  const warnings = () => log.lines().filter(({ level }) => level === 'warn');
  link.start();
  await pollUntil('a warning', warnings, ({ length }) => length > 0);
  await t.rejects(post());
  connect();
  await becomes('ready');
  disconnect();
  await t.rejects(post());
  await pollUntil('several looks', looks, (count) => count > 3);
  connect();
  await becomes('ready');
  t.same(
    log.lines().map(({ msg }) => msg),
    [
      'KeyServer not reached yet',
      'KeyServer answers',
      'KeyServer does not answer',
      'KeyServer answers',
    ],
  );
});

t.test('an answer of a load balancer in front of KeyServer does not count', async (t) => {
  const { link, becomes, post, connectTo, connect } = await setUp(t);
  link.start();
  connect();
  await becomes('ready');
  const balancer = createServer((_request, response) => {
    response.writeHead(503).end('no backend');
  }).listen(0, '127.0.0.1');
  await once(balancer, 'listening');
  t.teardown(() => balancer.close());
  connectTo(`http://127.0.0.1:${(balancer.address() as AddressInfo).port}`);
  await t.rejects(post(), { code: 'keyserver_unavailable' });
  t.same(link.readiness(), degraded);
  connect();
  await becomes('ready');
});
