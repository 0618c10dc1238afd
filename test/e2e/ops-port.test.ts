import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { maxSystemLookups } from '../../secureproxy/guard/lookup.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { freePort } from '../support/free-port.ts';
import { opsOrigin, readiness } from '../support/listening.ts';
import { callApi } from '../support/pair.ts';
import { makeState, plainPolicy, seed, tokenType } from '../support/pair-state.ts';
import { startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { runMain } from '../support/service-process.ts';

async function statusOf(url: string, method = 'GET'): Promise<number> {
  const answer = await fetch(url, { method });
  await answer.body?.cancel();
  return answer.status;
}

// One pair, since each start takes a while; the last part ends it.
t.test('both services with probes on ports of their own', async (t) => {
  const held: (() => void)[] = [];
  const upstream = await startPlainUpstream(t, (request, response) => {
    request.resume();
    held.push(() => response.end('held'));
  });
  const opsPort = await freePort();
  const ownProbes = `http://127.0.0.1:${opsPort}`;
  const state = await makeState(t);
  const { proxyKey, appKey } = await seed(state, upstream);
  await putType(state.admin, 'own', plainPolicy(ownProbes));
  await putToken(state.admin, {
    clientId: 'shop-1',
    tokenType: 'own',
    fields: { token: 'made-up-token' },
  });
  await addGrant(state.admin, 'orders', { client: '*', type: 'own' });
  const keyserver = runMain(t, 'keyserver/main.ts', {
    PORT: '0',
    ...state.settings,
    OPS_PORT: '0',
  });
  const keyserverOrigin = await keyserver.listening();
  const secureproxy = runMain(t, 'secureproxy/main.ts', {
    PORT: '0',
    PUBLIC_KEY_URL: `${keyserverOrigin.replace('127.0.0.1', 'localhost')}/public_key`,
    TOKEN_REQUEST_URL: `${keyserverOrigin}/`,
    PROXY_KEY: proxyKey,
    OPS_PORT: String(opsPort),
  });
  const [origin, ops] = [await secureproxy.listening(), await opsOrigin(secureproxy)];
  const call = (members: Readonly<Record<string, string>>) =>
    callApi(origin, { ClientId: 'shop-1', ...members }, { authorization: `Bearer ${appKey}` });

  await t.test('probes are on OPS_PORT alone, and nothing else is there', async (t) => {
    for (const [service, own] of [
      [keyserver, '/public_key'],
      [secureproxy, '/errors/internal'],
    ] as const) {
      const [main, ops] = [await service.listening(), await opsOrigin(service)];
      await pollUntil(
        'ready',
        () => readiness(ops),
        ({ status }) => status === 200,
      );
      t.equal(await statusOf(`${ops}/healthz`), 200);
      t.equal(await statusOf(`${main}/healthz`), 404);
      t.equal(await statusOf(`${main}/readyz`), 404);
      t.equal(await statusOf(`${ops}/metrics`), 200);
      t.equal(await statusOf(`${main}/metrics`), 404);
      t.equal(await statusOf(`${main}${own}`), 200);
      for (const path of ['/', '/public_key', '/errors/internal', '/docs', '/request_api']) {
        t.equal(await statusOf(ops + path), 404, path);
        t.equal(await statusOf(ops + path, 'POST'), 404, path);
      }
    }
  });

  await t.test(
    'SecureProxy has 64 threads, of which look-ups may use half',
    existsSync('/proc/self/task') ? {} : { skip: 'there is no /proc' },
    async (t) => {
      // The first look-up starts them: that of KeyServer's name.
      const threads = () => readdirSync(`/proc/${secureproxy.child.pid}/task`).length;
      await pollUntil('threads', threads, (count) => count > 64, 20_000);
      t.ok(maxSystemLookups < 64 / 2);
    },
  );

  await t.test('no call can be turned on SecureProxy’s own probes', async (t) => {
    const answer = await call({ TokenType: 'own', ApiUri: `${ownProbes}/healthz` });
    t.match(await answer.json(), { code: 'destination_denied', reason: 'own_listener' });
  });

  await t.test('probes are answered until the last call has finished', async (t) => {
    const inFlight = call({ TokenType: tokenType, ApiUri: `${upstream}/` });
    await pollUntil(
      'it is in flight',
      () => held.length,
      (count) => count === 1,
    );
    secureproxy.child.kill('SIGTERM');
    await pollUntil(
      'calls are refused',
      () => statusOf(origin).catch(() => 'refused'),
      (status) => status === 'refused',
    );
    t.match(await readiness(ops), { status: 503, body: { checks: { shutdown: 'draining' } } });
    t.equal(await statusOf(`${ops}/healthz`), 200);
    for (const finish of held) finish();
    t.equal(await (await inFlight).text(), 'held');
    t.equal(await secureproxy.ended, 0);
    await t.rejects(fetch(`${ops}/healthz`));
  });
});

t.test('a port that is taken ends the start with code 78 and a line that names it', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const state = await makeState(t);
  const start = (further: Environment) =>
    runMain(t, 'keyserver/main.ts', { PORT: '0', ...state.settings, OPS_PORT: port, ...further });
  const main = start({});
  t.equal(await main.ended, 78);
  t.equal(
    main.stderr(),
    `settings cannot be used:\n  - port ${port} is in use: stop the process that listens there, or set OPS_PORT\n`,
  );
  const elsewhere = start({ OPS_HOST: '192.0.2.1' });
  t.equal(await elsewhere.ended, 78);
  t.match(elsewhere.stderr(), /cannot listen on 192\.0\.2\.1 .*see OPS_HOST and OPS_PORT/);
});

t.test('a connection to Redis does not keep a process whose port is taken', async (t) => {
  const taken = createServer((socket) => {
    const answerOf = (command: Buffer) => (command.includes('EVAL') ? '*1\r\n:1\r\n' : '+PONG\r\n');
    socket.on('error', () => undefined).on('data', (command) => socket.write(answerOf(command)));
  }).listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  t.testdir();
  const connected = once(taken, 'connection');
  const { port } = taken.address() as AddressInfo;
  const main = runMain(t, 'secureproxy/main.ts', {
    PORT: String(port),
    HOST: '127.0.0.1',
    PUBLIC_KEY_URL: 'http://127.0.0.1:9/public_key',
    TOKEN_REQUEST_URL: 'http://127.0.0.1:9/',
    PROXY_KEY: makeCallerKey('spx_'),
    REDIS_URL: `redis://127.0.0.1:${port}`,
  });
  t.equal(await main.ended, 78);
  await connected;
});
