import t from 'tap';
import { Check } from 'typebox/value';
import type { Store } from '../../../keyserver/store/store.ts';
import { type Explanation, ExplanationSchema } from '../../../shared/protocol/explanation.ts';
import { testClock } from '../../support/clock.ts';
import { ask, type Exchange, newNonce, ticketSession } from '../../support/exchange-client.ts';
import { scratchStore } from '../../support/keyserver.ts';
import { refusal, type Scene, secretText, startScene, target, wanted } from '../scene.ts';

const grant = { client: 'shop-1', type: 'ozon-seller' };

/** The outcome of an exchange that asked to explain. */
function explanationOf(exchange: Exchange): Explanation {
  const opened: unknown = exchange.release;
  if (!Check(ExplanationSchema, opened)) throw new Error(exchange.answer.text);
  return opened;
}

const stepsOf = (exchange: Exchange) =>
  explanationOf(exchange).steps.map(({ step, ok }) => (ok ? step : `${step}: no`));

/** A real store that writes down what is asked of it. */
function recorded(store: Store): { readonly store: Store; taken(): string[] } {
  let operations: string[] = [];
  const recording = new Proxy(store, {
    get: (inner, name, receiver) => {
      const member: unknown = Reflect.get(inner, name, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        operations.push(String(name));
        return Reflect.apply(member, inner, args);
      };
    },
  });
  return {
    store: recording,
    taken: () => {
      const before = operations;
      operations = [];
      return before;
    },
  };
}

const explaining = ({ credential }: Scene, differently: object = {}) => ({
  credential: { ...credential, explain: true, ...differently },
});

t.test('explains a release step by step, and keeps the fields', async (t) => {
  const scene = await startScene(t);
  const exchange = await scene.ask(explaining(scene));
  t.strictSame(explanationOf(exchange).steps, [
    { step: 'authenticate', ok: true, app: 'orders' },
    { step: 'url', ok: true, url: target.url },
    { step: 'grant', ok: true, grant: { id: 'YPLbQ-15', client: '*', type: '*' } },
    { step: 'type', ok: true },
    { step: 'destination', ok: true, destination: 'https://api.example' },
    { step: 'token', ok: true, expiresIn: null },
    { step: 'injection', ok: true, headers: ['Authorization'], query: [] },
  ]);
  t.notMatch(JSON.stringify(exchange.release), secretText);
  t.same(Object.keys(exchange.release).sort(), ['app', 'session', 'steps', 'terms']);
  const line = scene.keyserver.log().find(({ msg }) => msg === 'request');
  t.match(line, { explain: 'rsa', app: 'orders', 'http.response.status_code': 200 });
  t.notOk(Object.hasOwn(line ?? {}, 'release'), 'the log counts no release');
});

t.test('says false as it says nothing', async (t) => {
  const scene = await startScene(t);
  const { release } = await scene.ask(explaining(scene, { explain: false }));
  t.same(release.fields, { token: secretText });
});

t.test('ends at the step that refuses, with the code of the release', async (t) => {
  const clock = testClock();
  const scene = await startScene(t, { clock });
  const { keyserver, proxy } = scene;
  const limited = await keyserver.putApp('limited', {
    grants: [
      { ...grant, methods: ['GET'] },
      { ...grant, client: 'shop-2' },
    ],
  });
  await keyserver.putType('closed', { destinations: [] });
  await keyserver.putToken('ended', 'ozon-seller', 'x', '2020-01-01T00:00:00.000Z');
  await keyserver.putToken('unfilled', 'ozon-seller', { other: 'x' });
  await keyserver.putToken('no-header', 'ozon-seller', 'a\nb');
  await keyserver.store.putToken({ ...wanted, clientId: 'broken', token: 'skt1.k1.x' });
  await keyserver.putType('damaged');
  await keyserver.store.editDocument(
    'type',
    'damaged',
    (current, revision) => current && { ...current, revision },
  );
  await keyserver.refresh();
  const elsewhere = { target: { method: 'POST', url: 'https://evil.example/' } };
  const misspelt = { target: { method: 'POST', url: 'https://API.example/' } };
  const cases: [title: string, object, object, string, string][] = [
    ['a method', {}, { app: limited }, 'grant', 'grant_denied'],
    ['a misspelt URL', {}, misspelt, 'url', 'destination_denied'],
    ['another host', {}, elsewhere, 'destination', 'destination_denied'],
    ['no type', { tokenType: 'none' }, {}, 'type', 'type_not_found'],
    ['a damaged type', { tokenType: 'damaged' }, {}, 'type', 'integrity_failed'],
    ['a closed type', { tokenType: 'closed' }, {}, 'destination', 'destination_denied'],
    ['no token', { clientId: 'none' }, {}, 'token', 'token_not_found'],
    ['an ended token', { clientId: 'ended' }, {}, 'token', 'token_expired'],
    ['a broken row', { clientId: 'broken' }, {}, 'token', 'integrity_failed'],
    ['an unfilled template', { clientId: 'unfilled' }, {}, 'injection', 'integrity_failed'],
    ['a value for no header', { clientId: 'no-header' }, {}, 'injection', 'integrity_failed'],
  ];
  for (const [title, names, credential, step, code] of cases) {
    const exchange = await scene.ask({ ...names, ...explaining(scene, credential) });
    const { steps, terms } = explanationOf(exchange);
    t.match(steps.at(-1), { step, ok: false, code }, title);
    t.ok(
      steps.slice(0, -1).every(({ ok }) => ok),
      title,
    );
    t.equal(terms, undefined, `${title}: nothing to go on with`);
    const real = await scene.ask({
      ...names,
      credential: { ...scene.credential, ...credential },
    });
    // The proxy judges the steps that the release does not.
    if (step === 'injection') continue;
    const { code: refused, reason, detail } = real.problem;
    t.match(steps.at(-1), { code: refused, detail, ...(reason && { reason }) }, title);
  }
  const answers = keyserver.logText();
  t.notMatch(answers, secretText);
  t.notMatch(answers, proxy);
});

t.test(
  'without a grant it is the refusal itself, after the same work, whatever exists',
  async (t) => {
    const { store, taken } = recorded(await scratchStore(t));
    const scene = await startScene(t, { store });
    const { keyserver, proxy } = scene;
    await keyserver.putType('known-type');
    const app = await keyserver.putApp('none', { grants: [{ client: 'other', type: '*' }] });
    const direct = await keyserver.putApp('none-direct', { grants: [], direct: true });
    const evil = { method: 'GET', url: 'https://evil.example/' };
    const misspelt = { method: 'GET', url: 'https://API.example/' };
    for (const credential of [
      { proxy, app, target },
      { proxy, app, target: evil },
      { proxy, app, target: misspelt },
      { proxy, app, target: { method: 'GET', url: '/v1/orders' } },
      { proxy, app, target: { method: 'GET', url: '~evil.example/' } },
      { proxy: null, app: direct },
      { proxy: null, app: direct, target: misspelt },
    ]) {
      const answers = [];
      for (const [clientId, tokenType] of [
        ['shop-1', 'ozon-seller'],
        ['shop-2', 'ozon-seller'],
        ['shop-1', 'known-type'],
        ['shop-1', 'no such type'],
      ] as const) {
        for (const explain of [{}, { explain: true }]) {
          taken();
          const { answer } = await ask(keyserver, {
            clientId,
            tokenType,
            credential: { ...credential, ...explain },
          });
          const { requestId } = JSON.parse(answer.text);
          t.type(requestId, 'string');
          const text = [requestId, clientId, tokenType].reduce(
            (left, sent) => left.replace(sent, ''),
            answer.text,
          );
          answers.push({ status: answer.status, text, operations: taken() });
        }
      }
      const [first] = answers;
      t.equal(first?.status, 403);
      t.same(first?.operations, [], 'no row is read');
      t.same(answers, Array(answers.length).fill(first));
    }
  },
);

t.test('callers that are not known are refused as ever', async (t) => {
  const scene = await startScene(t);
  const { proxy, app } = scene;
  for (const [credential, expected] of [
    [{ app: `${app}x` }, { status: 401, reason: 'app_unknown' }],
    [{ app: null }, { status: 401, reason: 'app_unknown' }],
    [{ proxy: `${proxy}x` }, { status: 401, reason: 'proxy_unknown' }],
    [{ proxy: null }, { status: 403, reason: 'not_direct' }],
  ] as const) {
    t.match(refusal(await scene.ask(explaining(scene, credential))), expected);
  }
});

t.test('a nonce and a timestamp are spent on it as on a release', async (t) => {
  const scene = await startScene(t);
  const nonce = newNonce();
  t.equal((await scene.ask({ ...explaining(scene), nonce })).status, 200);
  for (const again of [explaining(scene), {}]) {
    t.match(refusal(await scene.ask({ ...again, nonce })), { reason: 'nonce_used' });
  }
  t.match(refusal(await scene.ask({ ...explaining(scene), timestamp: 1 })), {
    reason: 'timestamp',
  });
});

t.test('goes by ticket, and a ticket of it serves releases', async (t) => {
  const scene = await startScene(t);
  const session = ticketSession(await scene.ask(explaining(scene)));
  t.same((await scene.ask({}, session)).release.fields, { token: secretText });
  const again = await scene.ask(explaining(scene), session);
  t.same(stepsOf(again).length, 7);
  t.equal(explanationOf(again).session, undefined, 'no ticket is extended');
});

t.test('a direct app learns whether it gets the token itself', async (t) => {
  const { keyserver } = await startScene(t);
  const explained = async (id: string, grants: (typeof grant)[], more: object = {}) => {
    const app = await keyserver.putApp(id, { grants, direct: true });
    const credential = { proxy: null, app, explain: true, ...more };
    return ask(keyserver, { ...wanted, credential });
  };
  t.same(stepsOf(await explained('free', [grant])), ['authenticate', 'direct', 'type', 'token']);
  const limited = [{ ...grant, methods: ['GET'] }];
  const { steps } = explanationOf(await explained('limited', limited));
  t.match(steps, [{ ok: true }, { step: 'direct', ok: false, reason: 'direct_limited' }]);
  t.same(
    stepsOf(
      await explained('free', [grant], { target: { ...target, url: 'https://evil.example/' } }),
    ),
    ['authenticate', 'direct', 'url', 'grant', 'type', 'destination: no'],
  );
});

t.test('a database that is away explains nothing', async (t) => {
  const scene = await startScene(t);
  await scene.keyserver.store.close();
  t.match(refusal(await scene.ask(explaining(scene))), {
    status: 503,
    code: 'keyserver_unavailable',
  });
});
