import t from 'tap';
import type { ProxyDocument } from '../../../keyserver/at-rest/document-row.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { callerKey, scratchStore } from '../../support/keyserver.ts';
import { countReads, refusal, startScene, target } from '../scene.ts';

type Limits = Omit<ProxyDocument, 'keys'>;

async function startLimited(test: Parameters<typeof startScene>[0]) {
  const { store, reads } = countReads(await scratchStore(test));
  const scene = await startScene(test, { store });
  const { keyserver, app } = scene;
  const proxy = makeCallerKey('spx_');
  const limit = (limits: Limits) =>
    keyserver.putDocument('proxy', 'limited', { keys: [callerKey(proxy)], ...limits });
  const ask = async (differently: object = {}) =>
    scene.ask({ credential: { proxy, app, target, ...differently } });
  return { ...scene, reads, limit, ask };
}

const limited = { status: 403, code: 'grant_denied', reason: 'proxy_limited' };

t.test('a proxy gets tokens of the clients and types that it is limited to', async (t) => {
  const { limit, ask, reads } = await startLimited(t);
  for (const limits of [
    {},
    { clients: ['shop-1'] },
    { clients: ['other', 'shop-*'], types: ['*'] },
    { types: ['ozon-seller'] },
  ]) {
    await limit(limits);
    t.equal((await ask()).status, 200, JSON.stringify(limits));
  }
  const before = reads();
  for (const limits of [
    { clients: ['shop-2'] },
    { clients: ['SHOP-1', 'shop'] },
    { types: ['ozon'] },
    { clients: ['*'], types: ['wildberries'] },
    { clients: ['shop-2'], types: ['*'] },
  ]) {
    await limit(limits);
    t.same(refusal(await ask()), limited, JSON.stringify(limits));
  }
  t.equal(reads(), before, 'no token is read for another');
});

t.test('an explanation has it at the grant; without one an app learns nothing', async (t) => {
  const { limit, ask, keyserver } = await startLimited(t);
  await limit({ clients: ['shop-2'] });
  for (const url of [target.url, '/v1/orders', '~api.example/v1/orders']) {
    const { release } = await ask({ explain: true, target: { ...target, url } });
    t.match(Object(release).steps.at(-1), {
      step: 'grant',
      ok: false,
      code: 'grant_denied',
      reason: 'proxy_limited',
    });
  }
  const stranger = await keyserver.putApp('stranger', { grants: [] });
  for (const explain of [true, false]) {
    t.match(refusal(await ask({ app: stranger, explain })), { reason: 'no_grant' });
  }
});

t.test('other proxies and direct apps are not limited by it', async (t) => {
  const { limit, ask, proxy, keyserver } = await startLimited(t);
  await limit({ clients: ['shop-2'], certificateNames: ['proxy.example'] });
  t.equal((await ask({ proxy })).status, 200);
  const direct = await keyserver.putApp('direct', { direct: true });
  t.equal((await ask({ proxy: null, app: direct })).status, 200);
});

t.test('without its certificate its key is unknown', async (t) => {
  const { limit, ask, keyserver, reads } = await startLimited(t);
  await limit({ certificateNames: ['proxy.example'] });
  const unknown = { status: 401, code: 'caller_unauthenticated', reason: 'proxy_unknown' };
  t.same(refusal(await ask()), unknown);
  t.same(refusal(await ask({ explain: true })), unknown);
  t.equal(reads(), 0);
  t.match(
    keyserver.log().filter(({ msg }) => String(msg).startsWith('proxy key refused')),
    [{ level: 'warn', proxy: 'limited', names: [] }],
    'said once',
  );
});
