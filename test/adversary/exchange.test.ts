import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { unwrapGauge } from '../../keyserver/exchange/gauges.ts';
import { Sessions } from '../../keyserver/exchange/sessions.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { coresForUnwraps } from '../../shared/crypto/rsa-oaep.ts';
import type { ReleaseRequest } from '../../shared/protocol/messages.ts';
import { refusal, startScene, target, wanted } from '../keyserver/scene.ts';
import { askChanges } from '../support/changes-client.ts';
import { testClock } from '../support/clock.ts';
import {
  newSession,
  openRelease,
  postJson,
  releaseRequest,
  ticketSession,
} from '../support/exchange-client.ts';
import { until } from '../support/until.ts';
import { askWhoami } from '../support/whoami-client.ts';

const codeOf = ({ status, text }: { status: number; text: string }) => {
  const { code, reason } = JSON.parse(text) as { code?: string; reason?: string };
  return [status, code, reason].filter((word) => word !== undefined).join(' ');
};

t.test(
  'a request replayed at a replica or after a restart changes nothing and opens for nobody else',
  async (t) => {
    const first = await startScene(t);
    const { settings, rsaKeys, store } = first.keyserver;
    const { request, session, release } = await first.ask();
    t.equal(codeOf(await postJson(first.keyserver.url, request)), '400 request_stale nonce_used');
    const other = await startScene(t, { settings, store });
    await other.keyserver.putApp('orders', { key: first.app });
    await other.keyserver.putProxy('proxy-1', first.proxy);
    const seq = await store.lastSeq();
    // Nonces are each process's own: a replay there is answered, for the first asker's eyes alone.
    const replayed = await postJson(other.keyserver.url, request);
    t.equal(replayed.status, 200);
    t.throws(() => openRelease(newSession(rsaKeys.primary.publicKeyPem), request, replayed), {
      name: 'OpenError',
    });
    t.same(openRelease(session, request, replayed).fields, release.fields);
    t.equal(codeOf(await postJson(other.keyserver.url, request)), '400 request_stale nonce_used');
    t.equal(await store.lastSeq(), seq);
  },
);

t.test('a ticket without its session key is of no use, to another proxy or a thief', async (t) => {
  const { keyserver, app, ask } = await startScene(t);
  const stolen = ticketSession(await ask()).named;
  const second = await keyserver.putProxy('proxy-2');
  const own = newSession(keyserver.rsaKeys.primary.publicKeyPem);
  for (const proxy of [second, null]) {
    const body = releaseRequest(
      { key: own.key, named: stolen },
      { ...wanted, credential: { proxy, app, target } },
      keyserver.clock,
    );
    t.equal(codeOf(await postJson(keyserver.url, body)), '400 session_invalid');
  }
});

t.test('a request stripped to three members is anonymous’s, or nobody’s', async (t) => {
  const { keyserver, ask } = await startScene(t);
  const { request, session } = await ask();
  const { credential, timestamp, nonce, ...bare } = request;
  t.equal(codeOf(await postJson(keyserver.url, bare)), '401 caller_unauthenticated app_unknown');
  await keyserver.putApp('anonymous', {
    key: null,
    direct: true,
    grants: [{ client: 'x', type: 'x' }],
  });
  t.equal(codeOf(await postJson(keyserver.url, bare)), '403 grant_denied no_grant');
  await keyserver.putApp('anonymous', { key: null, direct: true });
  const answer = await postJson(keyserver.url, bare);
  t.equal(answer.status, 200);
  t.throws(() => openRelease(session, request, answer), { name: 'OpenError' });
});

t.test(
  'every member is taken up to its greatest length, and nothing is looked up beyond',
  async (t) => {
    const scene = await startScene(t);
    const { keyserver, credential } = scene;
    const session = newSession(keyserver.rsaKeys.primary.publicKeyPem);
    const good = releaseRequest(session, { ...wanted, credential }, keyserver.clock);
    const { sessionKey, ...rest } = good;
    const invalid = '400 session_invalid';
    const malformed = /^400 request_invalid/;
    const cases: [keyof ReleaseRequest, number, string | RegExp][] = [
      ['sessionKey', 0, invalid],
      ['sessionKey', 1, invalid],
      ['sessionKey', 2048, invalid],
      ['sessionKey', 2049, malformed],
      ['session', 0, invalid],
      ['session', 1, invalid],
      ['session', 1024, invalid],
      ['session', 1025, malformed],
      ['keyId', 0, invalid],
      ['keyId', 1, invalid],
      ['keyId', 64, invalid],
      ['keyId', 65, malformed],
      ['clientId', 0, malformed],
      ['clientId', 1, invalid],
      ['clientId', 255, invalid],
      ['clientId', 256, malformed],
      ['tokenType', 0, malformed],
      ['tokenType', 255, invalid],
      ['tokenType', 256, malformed],
      ['nonce', 0, malformed],
      ['nonce', 15, malformed],
      ['nonce', 16, invalid],
      ['nonce', 64, invalid],
      ['nonce', 65, malformed],
      ['credential', 0, invalid],
      ['credential', 1, invalid],
      ['credential', 98_304, invalid],
      ['credential', 98_305, malformed],
    ];
    for (const [member, length, expected] of cases) {
      const base = member === 'session' ? rest : good;
      const answer = codeOf(
        await postJson(keyserver.url, { ...base, [member]: 'A'.repeat(length) }),
      );
      t.match(answer, expected, `${member} of ${length}`);
    }
    for (const timestamp of [-1, 1.5, '1', Number.MAX_SAFE_INTEGER]) {
      const answer = codeOf(await postJson(keyserver.url, { ...good, timestamp }));
      t.match(
        answer,
        timestamp === Number.MAX_SAFE_INTEGER ? /request_stale/ : malformed,
        `${timestamp}`,
      );
    }
    t.equal((await postJson(keyserver.url, good)).status, 200, 'none of these was the request');
  },
);

t.test('whatever makes a session invalid, no caller is looked up and no row is read', async (t) => {
  const scene = await startScene(t);
  const { keyserver, credential, ask } = scene;
  const session = newSession(keyserver.rsaKeys.primary.publicKeyPem);
  const byTicket = releaseRequest(
    ticketSession(await ask()),
    { ...wanted, credential },
    keyserver.clock,
  );
  const good = releaseRequest(session, { ...wanted, credential }, keyserver.clock);
  const operations: string[] = [];
  for (const name of ['policy', 'app', 'appByKeyHash', 'proxyByKeyHash'] as const) {
    const lookUp = keyserver.registry[name].bind(keyserver.registry) as (key: string) => never;
    keyserver.registry[name] = (key: string) => {
      operations.push(name);
      return lookUp(key);
    };
  }
  const { findTokens } = keyserver.store;
  keyserver.store.findTokens = (clientId, tokenType) => {
    operations.push('findTokens');
    return findTokens(clientId, tokenType);
  };
  const seen = new Set<string>();
  for (const fault of [
    { ...good, sessionKey: `AAAA${good.sessionKey?.slice(4)}` },
    { ...good, keyId: 'x'.repeat(43) },
    { ...good, credential: `AAAA${good.credential?.slice(4)}` },
    { ...byTicket, session: `AAAA${byTicket.session?.slice(4)}` },
    { ...byTicket, credential: `AAAA${byTicket.credential?.slice(4)}` },
  ]) {
    const { status, text } = await postJson(keyserver.url, fault);
    t.equal(status, 400);
    seen.add(text.replace(/(?<="requestId":")[^"]+/, ''));
  }
  t.equal(seen.size, 1, 'one answer, byte by byte');
  t.same(operations, []);
  const lines = keyserver.log().filter((line) => line['error.type'] === 'session_invalid');
  t.equal(lines.length, 5);
  t.notOk(lines.some((line) => 'error.reason' in line || 'proxy' in line || 'app' in line));
  t.equal((await postJson(keyserver.url, good)).status, 200, 'and no nonce was used up');
});

/** Sessions whose unwraps end by hand; addresses are those of the senders. */
async function slowSessions(t: Test) {
  const scene = await startScene(t);
  const { keyring, rsaKeys } = scene.keyserver;
  const ends: (() => void)[] = [];
  const slow = {
    primary: rsaKeys.primary,
    unwrapper: () => () =>
      new Promise<Uint8Array>((done) => ends.push(() => done(new Uint8Array(32)))),
  };
  const sessions = new Sessions(slow, keyring, testClock());
  const open = (address: string) => sessions.open({ ...wanted, sessionKey: 'AAAA' }, address);
  return { scene, sessions, open, ends };
}
const atOnce = 2 * coresForUnwraps;
const overloaded = { code: 'overloaded', options: { reason: 'unwraps', retryAfterSeconds: 1 } };

t.test('unwraps are bounded: one more is overloaded at once, tickets are not', async (t) => {
  const { scene, sessions, open, ends } = await slowSessions(t);
  const named = ticketSession(await scene.ask()).named as { session: string };
  const outcomes: unknown[] = [];
  const burst = Array.from({ length: atOnce + 256 }, () =>
    open('192.0.2.1').catch((error) => outcomes.push(error)),
  );
  await t.rejects(open('192.0.2.1'), overloaded);
  t.equal(ends.length, atOnce, 'and few reach the key at once');
  t.equal((await sessions.open({ ...wanted, ...named }, '192.0.2.1')).source, 'ticket');
  for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
    end();
    await nextTurn();
  }
  await Promise.all(burst);
  t.same(outcomes, []);
  t.equal(refusal(await scene.ask()).status, 200);
});

t.test("strangers' new sessions delay neither known peers' nor those of another", async (t) => {
  const { sessions, open, ends } = await slowSessions(t);
  const first = open('192.0.2.7');
  ends.shift()?.();
  (await first).acceptPeer?.();
  const outcomes: unknown[] = [];
  const flood = Array.from({ length: atOnce + 300 }, () =>
    open('192.0.2.66').catch((error) => outcomes.push(error)),
  );
  const known = open('192.0.2.7');
  t.equal(ends.length, atOnce + 1, 'the key has it already');
  ends.pop()?.();
  t.equal((await known).source, 'rsa');
  const unmet = open('192.0.2.8');
  await until(() => outcomes.length === 45);
  for (const error of outcomes) t.match(error, overloaded);
  const { read } = unwrapGauge(sessions);
  t.same(Object.fromEntries(read() as [string, number][]), { known: 0, unknown: 256 }, 'metrics');
  // Turn by turn: one of the flood, then the one that began amid it.
  for (let turn = 0; turn < 2; turn++) {
    const begun = ends.length;
    ends.shift()?.();
    await until(() => ends.length === begun);
  }
  ends.pop()?.();
  t.equal((await unmet).source, 'rsa');
  void flood;
});

t.test('only an authenticated caller makes its address known', async (t) => {
  const { keyserver, ask, credential } = await startScene(t);
  const accepted: string[] = [];
  const { sessions } = keyserver;
  const open = sessions.open.bind(sessions);
  sessions.open = async (request, address) => {
    const session = await open(request, address);
    return { ...session, acceptPeer: () => accepted.push(address) };
  };
  const direct = await keyserver.putApp('direct', { direct: true });
  await keyserver.putApp('anonymous', { key: null, direct: true });
  for (const [stranger, status] of [
    [{ ...credential, proxy: makeCallerKey('spx_') }, 401],
    [{ ...credential, app: makeCallerKey('spk_') }, 401],
    [{ proxy: null, app: null }, 200],
  ] as const) {
    t.equal((await ask({ credential: stranger })).status, status);
  }
  t.same(accepted, [], 'whoever reaches the port is `anonymous`');
  const exchange = await ask();
  t.equal((await ask({ credential: { proxy: null, app: direct } })).status, 200);
  await askWhoami(keyserver, { proxy: credential.proxy, app: credential.app });
  await askChanges(keyserver, { credential: { proxy: credential.proxy, since: 0 } });
  t.same(accepted, Array(4).fill('127.0.0.1'));
  t.equal((await postJson(keyserver.url, exchange.request)).status, 400);
  t.equal(accepted.length, 4, 'a replay proves nothing');
});
