import t from 'tap';
import { Value } from 'typebox/value';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { changesRequestAad, sealText } from '../../../shared/crypto/exchange.ts';
import { WhoamiSchema } from '../../../shared/protocol/whoami-messages.ts';
import { testClock } from '../../support/clock.ts';
import type { ClientSession } from '../../support/exchange-client.ts';
import { callerKey } from '../../support/keyserver.ts';
import { askWhoami, sendWhoami, type WhoamiExchange } from '../../support/whoami-client.ts';
import { startScene, wanted } from '../scene.ts';

function refusal({ status, problem: { code, reason } }: WhoamiExchange) {
  return reason === undefined ? { status, code } : { status, code, reason };
}

const appUnknown = { status: 401, code: 'caller_unauthenticated', reason: 'app_unknown' };

t.test('tells a proxy which app a key belongs to, and nothing else', async (t) => {
  const { keyserver, proxy, app } = await startScene(t);
  const { status, text, whoami } = await askWhoami(keyserver, { proxy, app });
  t.equal(status, 200);
  t.same(Object.keys(JSON.parse(text)), ['token'], 'all of the answer is sealed');
  t.ok(Value.Check(WhoamiSchema, whoami));
  t.strictSame(Object.keys(whoami).sort(), ['ageMs', 'app', 'cacheSeconds', 'seq', 'session']);
  t.match(whoami, { app: 'orders', cacheSeconds: 300, seq: keyserver.registry.seq });
  const [line] = keyserver.log().filter((entry) => entry['url.template'] === '/whoami');
  t.match(line, { level: 'debug', proxy: 'proxy-1', app: 'orders' });
});

t.test('an app that is bound is told with its binding, a release likewise', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  const bound = { clientId: 'shop-1', tokenType: 'ozon' };
  const app = await keyserver.putApp('bound', { bound });
  t.strictSame((await askWhoami(keyserver, { proxy, app })).whoami.bound, bound);
});

t.test('an app without grants is known as well, a key of nobody is not', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  const none = await keyserver.putApp('none', { grants: [] });
  t.match((await askWhoami(keyserver, { proxy, app: none })).whoami, { app: 'none' });
  for (const app of [makeCallerKey('spk_'), proxy, 'spk_', '', null]) {
    t.same(refusal(await askWhoami(keyserver, { proxy, app })), appUnknown);
  }
  const lines = keyserver.log().filter((entry) => entry['error.reason'] === 'app_unknown');
  t.equal(lines.length, 5);
  t.ok(
    lines.every((line) => line.level === 'info' && line.proxy === 'proxy-1'),
    'the proxy that it came to is named',
  );
});

t.test('no key is the app anonymous, if there is one', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  await keyserver.putApp('anonymous', { key: null });
  t.match((await askWhoami(keyserver, { proxy, app: null })).whoami, { app: 'anonymous' });
});

t.test('only a proxy may ask', async (t) => {
  const { keyserver, app } = await startScene(t);
  const direct = await keyserver.putApp('direct', { direct: true });
  for (const proxy of [makeCallerKey('spx_'), direct, app]) {
    t.same(refusal(await askWhoami(keyserver, { proxy, app: direct })), {
      ...appUnknown,
      reason: 'proxy_unknown',
    });
  }
  for (const credential of [{ proxy: null, app }, { app }, { proxy: '' }, []]) {
    t.match(await askWhoami(keyserver, credential), {
      status: 400,
      problem: { code: 'request_invalid', reason: 'credential' },
    });
  }
});

t.test('the answer lasts no longer than the keys of proxy and app', async (t) => {
  const clock = testClock();
  const { keyserver, proxy } = await startScene(t, { clock });
  const key = makeCallerKey('spk_');
  const at = (ms: number) => new Date(clock.now() + ms).toISOString();
  await keyserver.putApp('ending', { keys: [callerKey(key, at(40_500))] });
  t.match((await askWhoami(keyserver, { proxy, app: key })).whoami, { cacheSeconds: 40 });
  const ending = makeCallerKey('spx_');
  await keyserver.putDocument('proxy', 'edge', { keys: [callerKey(ending, at(20_000))] });
  t.match((await askWhoami(keyserver, { proxy: ending, app: key })).whoami, { cacheSeconds: 20 });
  clock.advance(40_500);
  t.same(refusal(await askWhoami(keyserver, { proxy, app: key })), appUnknown);
});

t.test('its ticket serves releases, and it is asked by ticket', async (t) => {
  const { keyserver, proxy, app, ask } = await startScene(t);
  const { session, whoami } = await askWhoami(keyserver, { proxy, app });
  const ticket: ClientSession = {
    key: session.key,
    named: { session: whoami.session?.ticket ?? '' },
  };
  t.equal((await ask({}, ticket)).status, 200);
  const again = await askWhoami(keyserver, { proxy, app }, ticket);
  t.equal(again.status, 200);
  t.notOk('session' in again.whoami, 'a ticket is never extended');
  t.match(
    refusal(await sendWhoami(keyserver, ticket, again.request)),
    { code: 'request_stale', reason: 'nonce_used' },
    'a nonce is good once with a ticket, too',
  );
});

t.test(
  'a new session is not replayed, and a credential of another question not taken',
  async (t) => {
    const { keyserver, proxy, app } = await startScene(t);
    const { session, request } = await askWhoami(keyserver, { proxy, app });
    t.same(refusal(await sendWhoami(keyserver, session, request)), {
      status: 400,
      code: 'request_stale',
      reason: 'nonce_used',
    });
    const credential = sealText(
      session.key,
      JSON.stringify({ proxy, app }),
      changesRequestAad(request),
    );
    const nonce = 'nonce-000000000001';
    for (const forged of [
      { ...request, credential },
      { ...request, nonce },
    ]) {
      t.same(refusal(await sendWhoami(keyserver, session, forged)), {
        status: 400,
        code: 'session_invalid',
      });
    }
    const stale = { ...request, timestamp: request.timestamp - 120 };
    t.same(refusal(await sendWhoami(keyserver, session, stale)), {
      status: 400,
      code: 'request_stale',
      reason: 'timestamp',
    });
    const named = { ...request, ...wanted };
    t.match(await sendWhoami(keyserver, session, named), { status: 400 }, 'names belong to §4');
  },
);

t.test('a revoked, an ended and a made-up key have one answer, no key another', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  const ended = makeCallerKey('spk_');
  const keys = [callerKey(ended, '2020-01-01T00:00:00Z')];
  await keyserver.putDocument('app', 'ended', { keys, grants: [] });
  const revoked = await keyserver.putApp('revoked');
  await askWhoami(keyserver, { proxy, app: revoked });
  await keyserver.deleteDocument('app', 'revoked');
  const detailOf = async (app: string | null) =>
    (await askWhoami(keyserver, { proxy, app })).problem.detail;
  for (const app of [ended, revoked, makeCallerKey('spk_')]) {
    t.equal(await detailOf(app), 'The app key is unknown or expired.');
  }
  t.match(await detailOf(null), /^The app key is missing: .* Authorization: Bearer spk_/);
});
