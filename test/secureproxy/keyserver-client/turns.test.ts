import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { noPauses } from '../../support/clock.ts';
import { freePort } from '../../support/free-port.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { begin, loopback, readAnswer, startProxy } from '../../support/proxy.ts';
import { startTcpForwarder } from '../../support/tcp-forwarder.ts';
import { stillTimers } from '../../support/timers.ts';
import { startUpstream, writes } from '../../support/upstream.ts';

/** A client with some connections to a KeyServer that can be halted, and two apps. */
async function setUp(t: Test, connections = 3) {
  const keyserver = await startKeyserver(t);
  const keys = {
    greedy: await keyserver.putApp('greedy'),
    quiet: await keyserver.putApp('quiet'),
  };
  const forwarder = await startTcpForwarder(t, [Number(new URL(keyserver.url).port)]);
  const proxy = await startProxy(t, {
    keyserverUrl: `http://127.0.0.1:${forwarder.port}`,
    proxyKey: await keyserver.putProxy('edge'),
    settings: { KEYSERVER_CONNECTIONS: String(connections), KEYSERVER_TIMEOUT_MS: '60000' },
  });
  const { client } = proxy;
  // The session that the others share.
  await client.changes(0);
  const answered: string[] = [];
  const note = (what: string, question: Promise<unknown>) =>
    question.catch(() => undefined).then(() => void answered.push(what));
  /** Each token is another one, so that no two questions are one. */
  const ask = (app: keyof typeof keys, how: 'obtain' | 'explain', i = 0) => {
    const target = { method: 'GET', url: 'https://api.example/' } as const;
    const names = { clientId: `c-${i}`, tokenType: 'test' };
    return note(app, client[how]({ app, appKey: keys[app], ...names, target, trace: {} }));
  };
  return { keyserver, keys, proxy, client, forwarder, answered, note, ask };
}

for (const how of ['obtain', 'explain'] as const) {
  t.test(`an app has its turn, however many of another's wait to ${how}`, async (t) => {
    const { forwarder, answered, ask } = await setUp(t);
    const goOn = forwarder.halt();
    const all = Array.from({ length: 20 }, (_, i) => ask('greedy', how, i));
    await nextTurn();
    all.push(ask('quiet', how));
    goOn();
    await Promise.all(all);
    t.equal(answered.length, 21);
    t.ok(answered.indexOf('quiet') <= 2, answered.join());
  });
}

t.test(
  'one app asks over a quarter of the connections, so that its answers never come all at once',
  async (t) => {
    const { forwarder, ask } = await setUp(t, 10);
    const goOn = forwarder.halt();
    const all = Array.from({ length: 20 }, (_, i) => ask('greedy', 'obtain', i));
    all.push(ask('quiet', 'obtain'));
    await nextTurn();
    goOn();
    await Promise.all(all);
    // Two of one app and one of the other, of eight that there could be.
    t.ok(forwarder.accepted <= 5, `${forwarder.accepted} connections, with those from before`);
  },
);

t.test('the keys of one app have one turn', async (t) => {
  const { keys, forwarder, answered, ask } = await setUp(t);
  const goOn = forwarder.halt();
  const all: Promise<void>[] = [];
  for (const key of [keys.greedy, makeCallerKey('spk_'), makeCallerKey('spk_')]) {
    keys.greedy = key;
    for (let i = 0; i < 5; i++) all.push(ask('greedy', 'obtain', i));
  }
  await nextTurn();
  all.push(ask('quiet', 'obtain'));
  goOn();
  await Promise.all(all);
  t.ok(answered.indexOf('quiet') <= 2, answered.join());
});

t.test('a question about changes waits for no release', async (t) => {
  const { client, forwarder, answered, note, ask } = await setUp(t);
  const goOn = forwarder.halt();
  const all = Array.from({ length: 20 }, (_, i) => ask('greedy', 'obtain', i));
  await nextTurn();
  all.push(note('changes', client.changes(0)));
  goOn();
  await Promise.all(all);
  t.ok(answered.indexOf('changes') <= 3, answered.join());
});

t.test('a revoked call is cut at once, however much its app asks meanwhile', async (t) => {
  const { keyserver, keys, proxy, forwarder, answered, note, ask } = await setUp(t);
  const upstream = await startUpstream(t);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome'));
  const policy = { destinations: [upstream.url], unsafePlaintext: true, scrub: false };
  await keyserver.putType('test', { ...policy, unsafeAllowPrivate: loopback });
  await keyserver.putToken('c', 'test', 'fixture-token');
  await proxy.feed.ask();
  const url = `${upstream.url}/`;
  const stream = await begin(`${proxy.url}/request_api`, {
    method: 'POST',
    headers: ['content-type', 'application/json', 'authorization', `Bearer ${keys.greedy}`],
    body: JSON.stringify({ ClientId: 'c', TokenType: 'test', ApiUri: url }),
  }).answered;
  const isWhole = readAnswer(stream).then(({ whole }) => whole);
  await keyserver.deleteDocument('app', 'greedy');
  await proxy.feed.ask();
  const goOn = forwarder.halt();
  const all = Array.from({ length: 20 }, (_, i) => ask('greedy', 'explain', i));
  // One for the same release, which the cut must not wait for either.
  const names = { appKey: keys.greedy, clientId: 'c', tokenType: 'test' };
  const target = { method: 'GET', url } as const;
  all.push(note('same', Promise.resolve(proxy.releases.get({ ...names, target, trace: {} }))));
  await nextTurn();
  all.push(note('check', proxy.running.check()));
  goOn();
  await Promise.all(all);
  t.ok(answered.indexOf('check') <= 3, answered.join());
  t.equal(await isWhole, false);
  t.match(await proxy.requestLine(), { 'error.reason': 'taken_away' });
});

t.test('an outage is told as such to each that waits for its turn', async (t) => {
  const { client } = await startProxy(t, {
    keyserverUrl: `http://127.0.0.1:${await freePort()}`,
    retryTimer: noPauses(),
  });
  const target = { method: 'GET', url: 'https://api.example/' } as const;
  const asked = Array.from({ length: 100 }, (_, i) =>
    client.obtain({ appKey: null, clientId: `c-${i}`, tokenType: 'test', target, trace: {} }),
  );
  const reasons = (await Promise.allSettled(asked)).map((one) =>
    one.status === 'rejected' ? one.reason.options.reason : 'obtained',
  );
  t.same([...new Set(reasons)], ['keyserver_unreachable']);
});

t.test('questions wait two seconds for their turn, 4096 at most', async (t) => {
  const { forwarder, answered, ask } = await setUp(t);
  const goOn = forwarder.halt();
  const turnOn = await stillTimers(t);
  for (let i = 0; i < 1 + 4096; i++) void ask('greedy', 'obtain', i);
  await turnOn(0);
  t.equal(answered.length, 0);
  void ask('greedy', 'obtain', 5_000);
  await turnOn(1_999);
  t.equal(answered.length, 1, 'the one for which there was no room');
  await turnOn(1);
  t.equal(answered.length, 4097, 'all but the one that was sent');
  goOn();
});

for (const connections of [1, 2]) {
  t.test(`a question for a release is sent over ${connections} connections, too`, async (t) => {
    const { keyserver, client, ask } = await setUp(t, connections);
    await ask('quiet', 'obtain');
    t.equal(keyserver.log().filter((line) => line['url.template'] === '/').length, 1);
    await client.changes(0);
  });
}
