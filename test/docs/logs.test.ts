import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createApp } from '../../keyserver/operations/callers.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { logFieldNames } from '../../shared/log/request-log.ts';
import { rsaPem, writeKeyFolder } from '../support/key-folders.ts';
import type { LogLine } from '../support/log.ts';
import { callApi, startPair } from '../support/pair.ts';
import { type PairState, tokenType } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { answer, type Script, startUpstream } from '../support/upstream.ts';
import { maskLines, readGoldenCases } from './golden-lines.ts';
import { root } from './sources.ts';

const page = readFileSync(join(root, 'docs/logs.md'), 'utf8');
const ofAllLines = ['level', 'time', 'service.name', 'process.pid', 'msg'];
const golden = readGoldenCases();

t.test('the page has a row for each field, and for no other', async (t) => {
  const rows = [...page.matchAll(/^\| ((?:`[\w.]+`(?:, )?)+) \|/gm)];
  const named = rows.flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([\w.]+)`/g)].map(([, n]) => n),
  );
  t.same([...named].sort(), [...ofAllLines, ...logFieldNames, 'err'].sort());
});

t.test('a field that no line of the page has is not in use', async (t) => {
  const used = new Set(golden.flatMap(({ lines }) => lines.flatMap((line) => Object.keys(line))));
  // Of a call that has to wait, in test/shared/overload/call-limit.test.ts.
  used.add('queue.duration_ms');
  // Of a call on a stale connection, in test/secureproxy/upstream/repeats.test.ts.
  used.add('upstream.retries');
  // Of a call over a limit, in test/secureproxy/limits/limited-calls.test.ts.
  used.add('limited_ms').add('limit');
  // Of a call to a wildcard destination, in test/secureproxy/call/destinations.test.ts.
  used.add('wildcard');
  // Of an SDK that asks for a token, in test/secureproxy/token-endpoint/answer-token-request.test.ts.
  used.add('token_request');
  for (const name of logFieldNames) t.ok(used.has(name), name);
});

/** Both services, a marketplace that can be ended, and calls by the titles of the page. */
async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const answersOk: Script = (socket) =>
    void socket.end(answer(200, '{"ok":true}', [['Connection', 'close']]));
  upstream.script(answersOk);
  const origin = `http://127.0.0.1:${upstream.port}`;
  let reportsKey = '';
  const pair = await startPair(t, {
    upstream: origin,
    clients: ['shop-1', 'shop-2', 'shop-3'],
    keyserver: { LOG_LEVEL: 'debug' },
    prepare: async ({ admin, settings }: PairState) => {
      // As long as a real one, since the page shows the length of the answer with it.
      writeKeyFolder(settings.RSA_KEY_DIR ?? '', { 'first.pem': rsaPem(3072) });
      reportsKey = await createApp(admin, 'reports');
    },
  });
  const call = async (key: string, members = {}, headers = {}, path?: string) => {
    const sent = { ClientId: 'shop-1', TokenType: tokenType, ApiUri: `${origin}/v1/orders` };
    const given = await callApi(
      pair.secureproxy.origin,
      { ...sent, ...members },
      { authorization: `Bearer ${key}`, ...headers },
      path,
    );
    await given.text();
  };
  const { appKey } = pair;
  const calls: Readonly<Record<string, () => Promise<void>>> = {
    'A call that needs a release': () =>
      call(
        appKey,
        { Body: { limit: 10 } },
        {
          'x-request-id': 'order-sync-17',
          traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        },
      ),
    'A call with a cached release': () => call(appKey, { Method: 'GET' }),
    'A marketplace that repeats the token': async () => {
      upstream.script((socket, request) => {
        const repeated = `unknown: ${request.all('authorization')}`;
        socket.end(answer(401, repeated, [['Connection', 'close']]));
      });
      await call(appKey);
      upstream.script(answersOk);
    },
    'A call for another client': () => call(appKey, { ClientId: 'shop-2' }),
    'A call that is explained': () => call(appKey, {}, {}, '/explain'),
    'An app without a grant': () => call(reportsKey),
    'An unknown app key': () => call(makeCallerKey('spk_')),
    'A mistyped app key': () => call(`${appKey.slice(0, -1)}${appKey.endsWith('0') ? 1 : 0}`),
    'A marketplace that is down': async () => {
      await upstream.close();
      await call(appKey, { ClientId: 'shop-3' });
    },
    'An unknown path': async () => {
      await (await fetch(`${pair.secureproxy.origin}/nothing?here=1`)).text();
    },
  };
  const logged = (service: 'secureproxy' | 'keyserver'): LogLine[] =>
    pair[service].output.lines().filter((line) => 'request_id' in line && line.level !== 'debug');
  await pollUntil(
    'a KeyServer that has begun makes proxies drop what they keep no more',
    () => pair.keyserver.output.linesWith({ 'url.template': '/changes' }).length,
    (asked) => asked > 7,
  );
  return { calls, logged };
}

t.test('the services write the lines that the page shows', async (t) => {
  const { calls, logged } = await setUp(t);
  t.same(
    golden.map(({ title }) => title),
    ['KeyServer’s public key is fetched', ...Object.keys(calls)],
  );
  const taken = { secureproxy: 0, keyserver: 0 };
  const actual: LogLine[] = [];
  for (const { title, lines } of golden) {
    await calls[title]?.();
    for (const service of ['secureproxy', 'keyserver'] as const) {
      const wanted = lines.filter((line) => line['service.name'] === service).length;
      const fresh = () => logged(service).slice(taken[service]);
      actual.push(...(await pollUntil(title, fresh, ({ length }) => length >= wanted)));
      taken[service] = logged(service).length;
    }
  }
  const expected = golden.flatMap(({ lines }) => lines);
  if (!t.strictSame(maskLines(actual), maskLines(expected))) {
    t.comment(`for docs/logs.md:\n${actual.map((line) => JSON.stringify(line)).join('\n')}`);
  }
  t.strictSame(
    actual.map((line) => Object.keys(line)),
    expected.map((line) => Object.keys(line)),
    'in this order',
  );
});
