import t from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { ask, newNonce } from '../../support/exchange-client.ts';
import { scratchStore } from '../../support/keyserver.ts';
import { countReads, refusal, startScene, target, wanted } from '../scene.ts';

t.test('every refusal falls before a token is read', async (t) => {
  const { store, reads } = countReads(await scratchStore(t));
  const { keyserver, proxy, app } = await startScene(t, { store });
  const grant = { client: 'shop-1', type: 'ozon-seller' };
  const withGrants = (id: string, grants: object[], direct?: true) =>
    keyserver.putApp(id, { grants: grants as (typeof grant)[], ...(direct && { direct }) });
  const none = await withGrants('none', []);
  const otherClient = await withGrants('other-client', [{ ...grant, client: 'shop-2' }]);
  const prefix = await withGrants('prefix', [{ ...grant, client: 'shop-1*', type: 'ozon' }]);
  const otherType = await withGrants('other-type', [{ ...grant, type: 'wildberries' }]);
  const getOnly = await withGrants('get-only', [{ ...grant, methods: ['GET'] }]);
  const pathOnly = await withGrants('path-only', [{ ...grant, paths: ['/v2/*'] }]);
  const split = await withGrants('split', [
    { ...grant, methods: ['GET'] },
    { ...grant, paths: ['/v2/*'] },
  ]);
  const direct = await withGrants('direct', [], true);
  const limited = await withGrants('limited', [{ ...grant, methods: ['GET'] }], true);
  await keyserver.putType('closed', { destinations: [] });
  await keyserver.putToken('shop-1', 'closed', 'x');
  await keyserver.putType('by-query', { routedBy: { query: ['_method'] } });
  await keyserver.putToken('shop-1', 'by-query', 'x');
  await keyserver.putType('by-body', {
    routedBy: { body: true },
    probe: { ...target, method: 'GET' },
  });
  await keyserver.putToken('shop-1', 'by-body', 'x');
  const ruled = await withGrants('ruled', [{ client: '*', type: '*', methods: ['GET'] }]);
  const used = newNonce();
  t.equal(
    (await ask(keyserver, { ...wanted, nonce: used, credential: { proxy, app, target } })).status,
    200,
  );
  t.equal(reads(), 1);

  const to = (url: string, method = 'POST') => ({ proxy, app, target: { method, url } });
  const getTo = (query: string) => ({ method: 'GET', url: `${target.url}${query}` });
  const by = (key: string) => ({ proxy, app: key, target });
  const cases: [string, object, object][] = [
    [
      'an unknown proxy',
      { credential: { proxy: makeCallerKey('spx_'), app, target } },
      { reason: 'proxy_unknown' },
    ],
    ['an unknown app', { credential: by(makeCallerKey('spk_')) }, { reason: 'app_unknown' }],
    ['no app', { credential: { proxy, app: null, target } }, { reason: 'app_unknown' }],
    ['an app that is not direct', { credential: { proxy: null, app } }, { reason: 'not_direct' }],
    ['a used nonce', { nonce: used }, { reason: 'nonce_used' }],
    ['an old timestamp', { timestamp: 1 }, { reason: 'timestamp' }],
    ['no grant', { credential: by(none) }, { reason: 'no_grant' }],
    ['a grant for another client', { credential: by(otherClient) }, { reason: 'no_grant' }],
    ['a grant for another type', { credential: by(otherType) }, { reason: 'no_grant' }],
    ['a type that only begins alike', { credential: by(prefix) }, { reason: 'no_grant' }],
    ['a grant for another method', { credential: by(getOnly) }, { reason: 'method' }],
    ['a grant for other paths', { credential: by(pathOnly) }, { reason: 'path' }],
    ['two grants that only together would do', { credential: by(split) }, { reason: 'path' }],
    [
      'a direct app without a grant',
      { credential: { proxy: null, app: direct } },
      { reason: 'no_grant' },
    ],
    [
      'a direct app with a limited grant',
      { credential: { proxy: null, app: limited } },
      { reason: 'direct_limited' },
    ],
    ['a type without destinations', { tokenType: 'closed' }, { code: 'destination_denied' }],
    [
      'another host',
      { credential: to('https://evil.example/v1/orders') },
      { code: 'destination_denied' },
    ],
    [
      'a host that only ends alike',
      { credential: to('https://evilapi.example/') },
      { code: 'destination_denied' },
    ],
    [
      'a host that only begins alike',
      { credential: to('https://api.example.evil/') },
      { code: 'destination_denied' },
    ],
    ['a host below', { credential: to('https://x.api.example/') }, { code: 'destination_denied' }],
    [
      'another port',
      { credential: to('https://api.example:8443/') },
      { code: 'destination_denied' },
    ],
    ['plain HTTP', { credential: to('http://api.example/') }, { code: 'destination_denied' }],
    ['userinfo', { credential: to('https://x@api.example/') }, { code: 'destination_denied' }],
    [
      'a backslash',
      { credential: to('https://api.example\\@evil.example/') },
      { code: 'destination_denied' },
    ],
    [
      'dot segments',
      { credential: to('https://api.example/v1/../v2') },
      { code: 'destination_denied' },
    ],
    [
      'a host in capitals',
      { credential: to('https://API.example/') },
      { code: 'destination_denied' },
    ],
    ['no URL', { credential: to('api.example') }, { code: 'destination_denied' }],
    ['an unknown type', { tokenType: 'unknown' }, { code: 'type_not_found' }],
    [
      'a path of an unknown type',
      { tokenType: 'unknown', credential: to('/v1') },
      { code: 'type_not_found' },
    ],
    [
      'a path without a grant, whether or not the type is known',
      {
        tokenType: 'unknown',
        credential: { proxy, app: none, target: { method: 'GET', url: '/v1' } },
      },
      { reason: 'no_grant' },
    ],
    [
      'a path that no grant allows',
      { credential: { proxy, app: pathOnly, target: { method: 'GET', url: '/v1' } } },
      { reason: 'path' },
    ],
    ['dot segments of a path', { credential: to('/v1/../v2') }, { reason: 'url_dot_segment' }],
    [
      'a host that is not listed',
      { credential: to('~evil.example/') },
      { reason: 'host_not_listed' },
    ],
    [
      'a query that selects the operation, under a grant with methods',
      { tokenType: 'by-query', credential: { proxy, app: ruled, target: getTo('?%5Fmethod=PUT') } },
      { reason: 'routed_query' },
    ],
    [
      'the same at a path of the type',
      {
        tokenType: 'by-query',
        credential: { proxy, app: ruled, target: { method: 'GET', url: '/v1?a;_method=PUT' } },
      },
      { reason: 'routed_query' },
    ],
    [
      'a type that is routed by bodies, under a grant with methods',
      { tokenType: 'by-body', credential: { proxy, app: ruled, target: getTo('') } },
      { reason: 'routed_body' },
    ],
    [
      'its probe',
      { tokenType: 'by-body', credential: { proxy, app: ruled, probe: true } },
      { reason: 'routed_body' },
    ],
    [
      'user info at the seam',
      { credential: to('~api.example@evil/') },
      { reason: 'host_not_listed' },
    ],
  ];
  for (const [title, differently, expected] of cases) {
    const exchange = await ask(keyserver, {
      ...wanted,
      credential: { proxy, app, target },
      ...differently,
    });
    t.match(refusal(exchange), expected, title);
    t.equal(reads(), 1, `${title}: nothing was read`);
  }
});

t.test('without a grant the answer is the same, whatever exists', async (t) => {
  const { keyserver, proxy } = await startScene(t);
  await keyserver.putType('known-type');
  await keyserver.putType('damaged');
  await keyserver.store.editDocument(
    'type',
    'damaged',
    (current, revision) => current && { ...current, revision },
  );
  await keyserver.refresh();
  const grants = [{ client: 'other', type: '*' }];
  const app = await keyserver.putApp('none', { grants });
  const direct = await keyserver.putApp('none-direct', { grants, direct: true });
  for (const credential of [
    { proxy, app, target },
    { proxy, app, target: { method: 'GET', url: 'https://evil.example/' } },
    { proxy: null, app: direct },
  ]) {
    const answers: unknown[] = [];
    for (const [clientId, tokenType] of [
      ['shop-1', 'ozon-seller'],
      ['shop-2', 'ozon-seller'],
      ['shop-1', 'known-type'],
      ['shop-1', 'no such type'],
      ['shop-1', 'damaged'],
    ] as const) {
      const { problem } = await ask(keyserver, { clientId, tokenType, credential });
      const { requestId, detail, ...rest } = problem;
      t.type(requestId, 'string');
      t.equal(rest.code, 'grant_denied');
      t.equal(
        detail,
        `The app has no grant for client "${clientId}" and token type "${tokenType}".`,
      );
      answers.push(rest);
    }
    t.same(answers, Array(answers.length).fill(answers[0]));
  }
});

t.test('with a grant a missing type, a missing token and both are told apart', async (t) => {
  const { ask, keyserver } = await startScene(t);
  t.same(refusal(await ask({ clientId: 'shop-2' })), { status: 404, code: 'token_not_found' });
  t.same(refusal(await ask({ tokenType: 'x' })), { status: 404, code: 'type_not_found' });
  await keyserver.deleteDocument('type', 'ozon-seller');
  t.same(refusal(await ask()), { status: 404, code: 'type_not_found' }, 'also beside a token');
});

t.test('what is granted or revoked holds for the next request, by ticket too', async (t) => {
  const { keyserver, proxy, ask: asked, app } = await startScene(t);
  const { session, release } = await asked();
  const byTicket = { key: session.key, named: { session: release.session?.ticket ?? '' } };
  await keyserver.putApp('orders', { key: app, grants: [] });
  t.match(refusal(await asked({}, byTicket)), { code: 'grant_denied', reason: 'no_grant' });
  await keyserver.putApp('orders', { key: app });
  t.equal((await asked({}, byTicket)).status, 200);
  await keyserver.deleteDocument('app', 'orders');
  t.match(refusal(await asked({}, byTicket)), { reason: 'app_unknown' });
  await keyserver.putApp('orders', { key: app });
  await keyserver.deleteDocument('proxy', 'proxy-1');
  t.match(refusal(await asked({}, byTicket)), { reason: 'proxy_unknown' });
  await keyserver.putProxy('proxy-1', proxy);
  await keyserver.putType('ozon-seller', { destinations: ['https://elsewhere.example'] });
  t.match(refusal(await asked({}, byTicket)), { code: 'destination_denied' });
});
