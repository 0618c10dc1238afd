import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { loopback, startProxy } from '../../support/proxy.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

const errorBody = {
  errors: [{ code: '{code}', message: '{detail}', status: '{status}', wait: '{retryAfter}' }],
};

/** A pair before a marketplace whose type has errors of its own form. */
async function setUp(t: Test, policy: Partial<Policy> = {}) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('shop', {
    destinations: [upstream.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    errorBody,
    ...policy,
  });
  await keyserver.putToken('acme', 'shop', 'made-up-token-of-acme');
  const app = ['authorization', `Bearer ${await keyserver.putApp('orders')}`];
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey });
  return {
    upstream,
    proxy,
    app,
    forward: (rest = '/v1', method = 'GET', client = 'acme') =>
      proxy.send(`/forward/${client}/shop${rest}`, { method, headers: app }),
    call: () =>
      proxy.call(
        { ClientId: 'acme', TokenType: 'shop', ApiUri: `${upstream.url}/v1` },
        { headers: app },
      ),
  };
}

t.test(
  "an error of a granted call looks as the marketplace's, and is told from them",
  async (t) => {
    const { forward, call, upstream } = await setUp(t, { limits: ['1/h'] });
    t.equal((await forward()).status, 200);
    const ours = await forward();
    t.equal(ours.status, 429);
    t.same(ours.all('content-type'), ['application/json']);
    t.match(JSON.parse(ours.text), {
      errors: [{ code: 'rate_limited', message: /limit/, status: 429 }],
    });
    t.same(ours.all('x-secureproxy-error'), ['rate_limited']);
    t.same(ours.all('x-secureproxy-reason'), ['limit_reached']);
    t.match(ours.all('proxy-status'), [/^secureproxy; error=/]);
    const [seconds = ''] = ours.all('retry-after');
    t.match(seconds, /^[1-9]\d*$/);
    t.equal(JSON.parse(ours.text).errors[0].wait, Number(seconds));
    t.match(ours.all('x-request-id'), [/./]);
    const head = await forward('/v1', 'HEAD');
    t.match(head, { status: 429, text: '' });
    t.same(head.all('x-secureproxy-error'), ['rate_limited']);
    t.match(await call(), { status: 429, problem: { code: 'rate_limited' } }, 'but not elsewhere');
    t.equal(upstream.requests.length, 1);
  },
);

t.test('so does one of a marketplace that cannot be reached', async (t) => {
  const { forward } = await setUp(t, { destinations: ['http://127.0.0.1:9'] });
  const { status, text } = await forward();
  t.equal(status, 502);
  t.match(JSON.parse(text), { errors: [{ code: 'upstream_unreachable', status: 502, wait: 0 }] });
});

t.test('who has no grant reads problems alone, and learns nothing of the type', async (t) => {
  const { proxy, forward } = await setUp(t, { limits: ['1/h'] });
  const refused = [
    await proxy.send('/forward/acme/shop/v1', {}),
    await proxy.send('/forward/acme/shop/v1', {
      headers: ['authorization', `Bearer spk_${'a'.repeat(36)}`],
    }),
    await forward('/v1', 'GET', 'other'),
    await forward('/~elsewhere.example/v1'),
  ];
  for (const { all, text } of refused) {
    t.same(all('content-type'), ['application/problem+json']);
    t.same(all('x-secureproxy-error'), [JSON.parse(text).code]);
  }
});

t.test("the marketplace's own errors pass, and cannot look as the proxy's", async (t) => {
  const { forward, upstream } = await setUp(t);
  upstream.script(
    (socket) =>
      void socket.write(
        answer(429, 'slow', [
          ['X-SecureProxy-Error', 'rate_limited'],
          ['x-secureproxy-reason', 'limit_reached'],
        ]),
      ),
  );
  const theirs = await forward();
  t.match(theirs, { status: 429, text: 'slow' });
  t.same(theirs.all('x-secureproxy-error'), []);
  t.same(theirs.all('x-secureproxy-reason'), []);
});
