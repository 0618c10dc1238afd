import t from 'tap';
import { costOf, isLimitedBy, parseLimit } from '../../../shared/policy/limit.ts';
import { parseTargetUrl, type TargetUrl } from '../../../shared/policy/url.ts';

function url(path: string): TargetUrl {
  const parsed = parseTargetUrl(`https://api.example.com${path}`);
  if (!parsed.allowed) throw new Error(parsed.detail);
  return parsed.value;
}

t.test('a rate is so many requests in a time, with a burst', async (t) => {
  const rates: Readonly<Record<string, object>> = {
    '50/s': { requests: 50, seconds: 1, burst: 2 },
    '1/s': { requests: 1, seconds: 1, burst: 1 },
    '300/min burst 20': { requests: 300, seconds: 60, burst: 20 },
    '10/5min': { requests: 10, seconds: 300, burst: 1 },
    '1000/h': { requests: 1000, seconds: 3600, burst: 50 },
    '100000/day': { requests: 100_000, seconds: 86_400, burst: 5000 },
  };
  for (const [text, rate] of Object.entries(rates)) {
    t.match(parseLimit(text), { name: text, rate, concurrent: undefined }, text);
  }
});

t.test('calls at once, sharing, paths, costs and the price of an error', async (t) => {
  t.match(parseLimit('4 at once'), { concurrent: 4, rate: undefined, paths: [], perType: false });
  t.match(parseLimit('4 at once per type /v1/reports/*'), {
    concurrent: 4,
    perType: true,
    paths: ['/v1/reports/*'],
  });
  t.match(
    parseLimit('300/min burst 20 errors 10 /v3/* cost 5 /v3/all https://api.example.com/v4/*'),
    {
      errorCost: 10,
      costs: [{ cost: 5, path: '/v3/all' }],
      paths: ['/v3/*', 'https://api.example.com/v4/*'],
    },
  );
});

t.test('other texts are refused, with a reason', async (t) => {
  const texts: Readonly<Record<string, RegExp>> = {
    '': /begins neither/,
    '50': /begins neither/,
    '0/s': /begins neither/,
    '-1/s': /begins neither/,
    '1.5/s': /begins neither/,
    '50/week': /begins neither/,
    'at once': /begins neither/,
    '0 at once': /begins neither/,
    '31/31day': /more than 30 days/,
    '50/s burst': /no number from 1 on behind burst/,
    '50/s burst 0': /no number from 1 on behind burst/,
    '50/s burst 2 burst 3': /"burst"/,
    '50/s per client': /"per"/,
    '50/s  burst 2': /""/,
    '50/s v1/orders': /"v1\/orders"/,
    '50/s /v1/*/x': /one \* only/,
    '50/s cost 5': /path ""/,
    '4 at once burst 2': /belong to a rate/,
    '4 at once cost 2 /v1': /belong to a rate/,
  };
  for (const [text, message] of Object.entries(texts)) {
    t.throws(() => parseLimit(text), { name: 'PolicyError', message }, text);
  }
});

t.test('a limit of paths holds for every spelling of them', async (t) => {
  const limit = parseLimit('20/min /v1/supply/*');
  for (const path of [
    '/v1/supply/',
    '/v1/supply/x?y',
    '/v1%2Fsupply/x',
    '/v1/s%75pply/x',
    '/v1/supply%252Fx',
    '/v1/supply;a=b/x',
    '/v1/%73upply/%D1%8F',
    '//v1/other/x',
    '/v1//supply/x',
    '/v1/;a/supply//x',
    '/V1/Supply/x',
    '/v1/%53UPPLY/x',
    '/v1;a%2Fb/supply/x',
    '/v1;a%2Fsupply/x',
    '/v1%3Fa/supply/x',
  ]) {
    t.ok(isLimitedBy(limit, url(path)), path);
  }
  for (const path of ['/v1/supply', '/v2/supply/x', '/v1/supplies', '/']) {
    t.notOk(isLimitedBy(limit, url(path)), path);
  }
  const exact = parseLimit('20/min /v1/Orders');
  for (const path of [
    '/v1/Orders',
    '/v1/orders',
    '/v1/Orders/',
    '/v1//orders//',
    '/v1/orders;x%2Fy',
    '/v1/orders%3F/x',
  ]) {
    t.ok(isLimitedBy(exact, url(path)), path);
  }
  t.notOk(isLimitedBy(exact, url('/v1/orders/1')));
  t.ok(isLimitedBy(parseLimit('20/min /v1/orders/'), url('/v1/orders')));
  // Composed, the letter before the `*` is another one.
  t.ok(isLimitedBy(parseLimit('20/min /v1/cafe*'), url('/v1/cafe%CC%81')));
  t.ok(isLimitedBy(parseLimit('20/min'), url('/anything')));
  t.ok(isLimitedBy(parseLimit('20/min /v1/caf%C3%A9/*'), url('/v1/caf%C3%A9/x')));
  t.ok(isLimitedBy(parseLimit('20/min https://api.example.com/V1/*'), url('/v1//x')));
  t.notOk(isLimitedBy(parseLimit('20/min https://other.example.com/v1/*'), url('/v1/x')));
});

t.test('the first cost that matches counts', async (t) => {
  const limit = parseLimit('300/min cost 5 /v1/all cost 2 /v1/*');
  t.same(
    ['/v1/all', '/v1/some', '/v2'].map((path) => costOf(limit, url(path))),
    [5, 2, 1],
  );
});
