import type { FastifyRequest } from 'fastify';
import t, { type Test } from 'tap';
import { SentSecrets } from '../../../secureproxy/call/sent-secrets.ts';
import { Scrubber } from '../../../secureproxy/scrub/scrubber.ts';
import type { TargetUrl } from '../../../shared/policy/url.ts';
import { testClock } from '../../support/clock.ts';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

const password = 'Tr0ub4dor&3!<"';
const warning = 'app sent the secret that its answer repeated';
const hourMs = 3_600_000;

/** A marketplace that repeats what it is sent, also the secret that the proxy injects if `repeatsInjected`. */
async function setUp(t: Test, repeatsInjected = false) {
  const upstream = await startUpstream(t);
  upstream.script((socket, request) => {
    const injected = repeatsInjected ? request.all('authorization').join() : '';
    const sent = [request.target, request.all('x-guess').join(), request.body.toString()];
    socket.end(answer(200, [injected, ...sent].join('\n'), [['Connection', 'close']]));
  });
  const clock = testClock();
  const proxy = await startProxy(t, {
    clock,
    obtain: async () =>
      releaseOf({ destinations: [upstream.url], injection: bearer }, { fields: { password } }),
  });
  const call = (more: object = {}) =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/`, ...more });
  const warnings = () => proxy.log().filter(({ msg }) => msg === warning);
  return { upstream, proxy, clock, call, warnings };
}

const bearer = { scheme: 'headers', headers: { Authorization: 'Bearer {password}' } } as const;

t.test('a guess among many that the answer redacts is told, wherever it was sent', async (t) => {
  const { upstream, proxy, call, warnings, clock } = await setUp(t);
  const guesses = (right: string) => ['Tr0ub4dor&2!<"', right, 'Tr0ub4dor&4!<"'];
  const places = [
    { Body: guesses(password).join('\n') },
    { Body: { list: guesses(password) } },
    { Headers: { 'X-Guess': guesses(password).join(' , ') } },
    { ApiUri: `${upstream.url}/?q=${encodeURIComponent(guesses(password).join())}`, Method: 'GET' },
    { Body: guesses(Buffer.from(password).toString('base64')).join() },
  ];
  for (const [i, place] of places.entries()) {
    const { text } = await call(place);
    t.match(text, '[redacted]');
    const line = await proxy.requestLine(i);
    t.equal(line.scrubbed, 1);
    await until(() => warnings().length === i + 1);
    t.match(warnings()[i], { level: 'warn', app: line.app, request_id: line.request_id });
    t.same(
      Object.keys(warnings()[i] ?? {}).filter((name) => /client|type|secret/.test(name)),
      [],
    );
    clock.advance(hourMs);
  }
  t.notMatch(proxy.logText(), 'Tr0ub4dor');
});

t.test('it is told and counted once an hour', async (t) => {
  const { proxy, call, warnings, clock } = await setUp(t);
  for (let i = 0; i < 3; i++) await call({ Body: password });
  await until(() => warnings().length === 1);
  clock.advance(hourMs);
  await call({ Body: password });
  await until(() => warnings().length > 1);
  t.equal(warnings().length, 2);
  t.match(
    (await proxy.send('/metrics')).text,
    /^secureproxy_secrets_sent_total\{app="orders"\} 2$/m,
  );
});

t.test('a marketplace that repeats the injected secret is no alarm', async (t) => {
  const { proxy, call, warnings } = await setUp(t, true);
  for (let i = 0; i < 50; i++) {
    t.match((await call({ Body: { order: `Tr0ub4dor-${i}` } })).text, 'Bearer [redacted]');
  }
  const line = await proxy.requestLine(49);
  t.equal(line.scrubbed, 1);
  t.same(warnings(), []);
  await call({ Body: password });
  await until(() => warnings().length > 0);
  t.equal(warnings().length, 1, 'of the last call alone');
});

t.test('a large call is searched to its end, and other work goes on meanwhile', async (t) => {
  const scrubber = new Scrubber([password], []);
  const near = `${password.slice(0, -1)}x\n`.repeat(50_000);
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns += 1;
    if (!isDone) setImmediate(turn);
  };
  turn();
  t.ok(await scrubber.finds(Buffer.from(near + password)));
  t.notOk(await scrubber.finds(Buffer.from(near)));
  isDone = true;
  t.ok(turns > (2 * near.length) / 20_000, `${turns} turns of the event loop`);
});

t.test('calls of 64 MiB wait for their search, and further ones are not searched', async (t) => {
  const body = Buffer.alloc(16 * 1024 * 1024);
  const sent = new SentSecrets(testClock(), () => undefined);
  const searched = new Set<number>();
  const check = (i: number, bytes: Buffer) => {
    const scrubber = {
      finds: async () => {
        searched.add(i);
        return false;
      },
    } as unknown as Scrubber;
    const request = { logFields: { app: `app-${i}` } } as unknown as FastifyRequest;
    sent.check(scrubber, { url: { href: '' } as TargetUrl, headers: [], body: bytes }, request);
  };
  for (let i = 0; i < 4; i++) check(i, body);
  check(4, Buffer.alloc(1));
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  t.same([...searched], [0, 1, 2, 3]);
  check(5, body);
  await until(() => searched.size === 5);
  t.ok(searched.has(5), 'there is room again');
});
