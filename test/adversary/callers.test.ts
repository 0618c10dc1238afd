import t from 'tap';
import type { Store } from '../../keyserver/store/store.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { refusal, startScene, target, wanted } from '../keyserver/scene.ts';
import { ask } from '../support/exchange-client.ts';
import { scratchStore, startKeyserver, type TestKeyserver } from '../support/keyserver.ts';
import { plainPolicy } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startProxy } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';

/** A real store that writes down which of its operations run. */
function recorded(store: Store): { store: Store; operations: string[] } {
  const operations: string[] = [];
  const entries = Object.entries(store).map(([name, value]) => [
    name,
    typeof value === 'function'
      ? (...args: unknown[]) => {
          operations.push(name);
          return value(...args);
        }
      : value,
  ]);
  return { store: Object.fromEntries(entries) as unknown as Store, operations };
}

/** Writes down which look-ups in the registry run. */
function recordLookups({ registry }: TestKeyserver): string[] {
  const lookups: string[] = [];
  for (const name of ['policy', 'app', 'appByKeyHash', 'proxyByKeyHash'] as const) {
    const lookUp = registry[name].bind(registry) as (key: string) => never;
    registry[name] = (key: string) => {
      lookups.push(name);
      return lookUp(key);
    };
  }
  return lookups;
}

t.test(
  'without a grant the same operations run, and none on the database, whatever exists',
  async (t) => {
    const { store, operations } = recorded(await scratchStore(t));
    const { keyserver, proxy } = await startScene(t, { store });
    const app = await keyserver.putApp('none', { grants: [] });
    await keyserver.putType('untokened');
    const lookups = recordLookups(keyserver);
    const asked = async (clientId: string, tokenType: string) => {
      operations.length = 0;
      lookups.length = 0;
      const exchange = await ask(keyserver, {
        clientId,
        tokenType,
        credential: { proxy, app, target },
      });
      const { requestId, detail, ...problem } = exchange.problem;
      t.type(requestId, 'string');
      t.equal(
        detail,
        `The app has no grant for client "${clientId}" and token type "${tokenType}".`,
      );
      return { problem, operations: [...operations], lookups: [...lookups] };
    };
    const first = await asked(wanted.clientId, wanted.tokenType);
    t.match(first, { problem: { code: 'grant_denied', reason: 'no_grant' } });
    t.same(first.operations, []);
    t.same(first.lookups, ['proxyByKeyHash', 'appByKeyHash']);
    for (const [client, type] of [
      ['nobody', wanted.tokenType],
      [wanted.clientId, 'untokened'],
      ['nobody', 'nothing'],
    ] as const) {
      t.same(await asked(client, type), first, `${client} ${type}`);
    }
  },
);

t.test(
  'a flood of unknown keys causes a few looks at the database, and fills no memory of nonces',
  async (t) => {
    const { store, operations } = recorded(await scratchStore(t));
    const {
      keyserver,
      proxy,
      app,
      credential,
      ask: asked,
    } = await startScene(t, {
      store,
      maxNonces: 2,
    });
    await keyserver.refresh();
    operations.length = 0;
    const lookups = recordLookups(keyserver);
    for (let i = 0; i < 20; i++) {
      for (const key of [makeCallerKey('spk_'), `spk_${i}`, app.slice(0, -1)]) {
        t.match(refusal(await asked({ credential: { proxy, app: key, target } })), {
          reason: 'app_unknown',
        });
      }
      for (const key of [makeCallerKey('spx_'), `spx_${i}`]) {
        t.match(refusal(await asked({ credential: { proxy: key, app, target } })), {
          reason: 'proxy_unknown',
        });
      }
      t.match(
        refusal(
          await asked({
            credential: undefined as never,
            timestamp: (keyserver.clock.now() / 1000) | 0,
            nonce: 'n'.repeat(16) + i,
          }),
        ),
        { reason: 'app_unknown' },
      );
    }
    t.same(operations, Array(8).fill('position'));
    t.equal(
      lookups.filter((name) => name === 'appByKeyHash').length,
      // Half of the looks were for keys of proxies.
      20 + 8 / 2,
      'no malformed key is looked up',
    );
    for (let i = 0; i < 2; i++)
      t.equal((await asked({ credential })).status, 200, 'all room is left');
    t.match(refusal(await asked({ credential })), { code: 'overloaded', reason: 'nonces_full' });
  },
);

t.test('an app without a grant fills the nonce memory of no other app', async (t) => {
  const { keyserver, proxy, ask: asked } = await startScene(t, { maxNonces: 3 });
  const hostile = await keyserver.putApp('hostile', { grants: [] });
  const reasons: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const refused = await asked({ credential: { proxy, app: hostile, target } });
    reasons.push(refused.problem.reason);
  }
  t.same(reasons, ['no_grant', 'no_grant', 'no_grant', 'nonces_full', 'nonces_full']);
  t.equal((await asked()).status, 200);
});

t.test(
  'at the proxy unknown keys are one exchange at most, and leave nothing behind',
  async (t) => {
    const upstream = await startUpstream(t);
    const keyserver = await startKeyserver(t);
    await keyserver.putType('test', plainPolicy(upstream.url));
    await keyserver.putToken('shop', 'test', 'made-up');
    const appKey = await keyserver.putApp('orders');
    const proxy = await startProxy(t, {
      keyserverUrl: keyserver.url,
      proxyKey: await keyserver.putProxy('edge'),
      settings: { TOKEN_CACHE_MAX: '1' },
    });
    const call = (key: string) =>
      proxy.call(
        { ClientId: 'shop', TokenType: 'test', ApiUri: upstream.url },
        { headers: ['x-any', key] },
      );
    const exchanges = () =>
      keyserver.log().filter((line) => ['/', '/whoami'].includes(String(line['url.template'])))
        .length;
    t.equal((await call(appKey)).status, 200);
    t.equal(exchanges(), 2, 'who it is, and its release');

    const malformed = Array.from({ length: 20 }, (_, i) => `${appKey.slice(0, -3)}${100 + i}`);
    for (const answer of await Promise.all(malformed.map(call))) {
      t.match(answer, { status: 401, problem: { reason: 'app_key_form' } });
    }
    t.equal(exchanges(), 2, 'a malformed key never reaches KeyServer');

    const unknown = Array.from({ length: 20 }, () => makeCallerKey('spk_'));
    for (const answer of await Promise.all(unknown.map(call))) {
      t.match(answer, { status: 401, problem: { reason: 'app_unknown' } });
    }
    t.equal(exchanges(), 22);
    t.ok(
      keyserver
        .log()
        .filter((line) => line['error.reason'] === 'app_unknown')
        .every((line) => line.release === undefined),
    );
    t.equal((await call(appKey)).status, 200);
    t.equal(exchanges(), 22, 'the one kept release was pushed out by none of them');

    const [next = ''] = unknown;
    await keyserver.putApp('new', { key: next });
    await pollUntil(
      'a rejected key that exists by now',
      async () => (await call(next)).status,
      (status) => status === 200,
    );
  },
);
