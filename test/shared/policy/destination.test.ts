import t, { type Test } from 'tap';
import { judgeDestination, parseDestination } from '../../../shared/policy/destination.ts';
import { parseTargetUrl, TargetUrl } from '../../../shared/policy/url.ts';

/** `allowed`, or the reason of the refusal, by the parser or by the destination. */
function outcome(destinations: readonly string[], text: string, unsafePlaintext = false): string {
  const url = parseTargetUrl(text);
  if (!url.allowed) return url.reason;
  const verdict = judgeDestination({ destinations: [...destinations], unsafePlaintext }, url.value);
  return verdict.allowed ? 'allowed' : verdict.reason;
}

function expectAll(t: Test, destination: string, outcomes: Readonly<Record<string, string>>): void {
  for (const [url, expected] of Object.entries(outcomes)) {
    t.equal(outcome([destination], url), expected, `${destination} and ${url}`);
  }
  t.end();
}

t.test('lets a token go nowhere where no destination is listed', (t) => {
  t.equal(outcome([], 'https://allowed.example/'), 'not_listed');
  t.end();
});

t.test('lets a token go to any listed destination and names the origin otherwise', (t) => {
  const destinations = ['https://one.example', 'https://two.example/v1'];
  t.equal(outcome(destinations, 'https://one.example/x'), 'allowed');
  t.equal(outcome(destinations, 'https://two.example/v1/x'), 'allowed');
  const verdict = judgeDestination(
    { destinations },
    new TargetUrl(new URL('https://three.example/secret?q=1')),
  );
  t.match(verdict, {
    allowed: false,
    code: 'destination_denied',
    detail: 'No destination of the token type allows https://three.example with this path.',
  });
  t.end();
});

t.test('compares the whole host, so that lookalikes get nothing', (t) =>
  expectAll(t, 'https://allowed.ru', {
    'https://allowed.ru/': 'allowed',
    'https://allowed.ru.evil/': 'not_listed',
    'https://allowed.ru.evil.example/': 'not_listed',
    'https://evilallowed.ru/': 'not_listed',
    'https://evil.allowed.ru/': 'not_listed',
    'https://allowed-ru.example/': 'not_listed',
    'https://allowed.r/': 'not_listed',
    'https://xn--llowed-4ve.ru/': 'not_listed',
    'https://аllowed.ru/': 'url_authority_spelling',
    'https://allowed.ru@evil.example/': 'url_authority_spelling',
    'https://allowed.ru\\.evil.example/': 'url_backslash',
    'https://evil.example/https://allowed.ru/': 'not_listed',
    'https://evil.example/?https://allowed.ru': 'not_listed',
  }),
);

t.test('compares the port, and takes the default one only unspelled', (t) => {
  const urls = {
    'https://allowed.example/': 'allowed',
    'https://allowed.example:8443/': 'not_listed',
    'https://allowed.example:80/': 'not_listed',
    'https://allowed.example:443/': 'url_authority_spelling',
  };
  for (const [url, expected] of Object.entries(urls)) {
    t.equal(outcome(['https://allowed.example'], url), expected, url);
  }
  t.equal(outcome(['https://allowed.example:8443'], 'https://allowed.example:8443/'), 'allowed');
  t.equal(outcome(['https://allowed.example:8443'], 'https://allowed.example/'), 'not_listed');
  t.equal(outcome(['https://*.shop.example:8443'], 'https://a.shop.example:8443/'), 'allowed');
  t.equal(outcome(['https://*.shop.example:8443'], 'https://a.shop.example/'), 'not_listed');
  t.end();
});

t.test(
  'lets a token cross in plain text only where the type says so, and only to http destinations',
  (t) => {
    const http = ['http://allowed.example'];
    t.equal(outcome(http, 'http://allowed.example/'), 'plaintext');
    t.match(
      judgeDestination({ destinations: http }, new TargetUrl(new URL('http://allowed.example/'))),
      {
        code: 'destination_denied',
      },
    );
    t.equal(outcome(['http://*.shop.example'], 'http://a.shop.example/', true), 'allowed');
    t.equal(outcome(http, 'http://allowed.example/', true), 'allowed');
    t.equal(outcome(http, 'https://allowed.example/', true), 'not_listed');
    t.equal(outcome(['https://allowed.example'], 'http://allowed.example/', true), 'not_listed');
    t.end();
  },
);

t.test('puts exactly one label in the place of a wildcard', (t) =>
  expectAll(t, 'https://*.shop.example', {
    'https://a.shop.example/': 'allowed',
    'https://xn--e1afmkfd.shop.example/': 'allowed',
    'https://shop.example/': 'not_listed',
    'https://a.b.shop.example/': 'not_listed',
    'https://.shop.example/': 'not_listed',
    'https://a..shop.example/': 'not_listed',
    'https://evilshop.example/': 'not_listed',
    'https://a.shop.example.evil.example/': 'not_listed',
    'https://a-shop.example/': 'not_listed',
    'https://example/': 'not_listed',
    'https://*.shop.example/': 'allowed',
    'https://a。shop.example/': 'url_authority_spelling',
  }),
);

t.test('keeps to a path prefix, compared at slashes', (t) => {
  for (const destination of ['https://allowed.example/v1', 'https://allowed.example/v1/']) {
    const outcomes = {
      'https://allowed.example/v1': 'allowed',
      'https://allowed.example/v1/': 'allowed',
      'https://allowed.example/v1/orders?a=1': 'allowed',
      'https://allowed.example/v1?a=1': 'allowed',
      'https://allowed.example/': 'not_listed',
      'https://allowed.example/v10': 'not_listed',
      'https://allowed.example/v1.evil': 'not_listed',
      'https://allowed.example/V1/': 'not_listed',
      'https://allowed.example/x/v1/': 'not_listed',
      'https://allowed.example/?/v1/': 'not_listed',
      'https://allowed.example/%76%31/': 'not_listed',
      'https://allowed.example/v1/../admin': 'url_dot_segment',
      'https://allowed.example/v1/%2e%2e/admin': 'url_dot_segment',
      'https://allowed.example/v1/..%2fadmin': 'not_listed',
      'https://allowed.example/v1/..%5Cadmin': 'not_listed',
      'https://allowed.example/v1/%252e%252e/admin': 'not_listed',
      'https://allowed.example/v1/..;/admin': 'not_listed',
      'https://allowed.example/v1/..%3F/admin': 'not_listed',
      'https://allowed.example//v1/admin': 'not_listed',
      'https://allowed.example/v1%2Fadmin': 'not_listed',
      'https://allowed.example/v1;a/admin': 'not_listed',
      'https://allowed.example/v1//admin': 'allowed',
      'https://allowed.example/v1/AB%2F12': 'allowed',
      'https://allowed.example/v1/50%25': 'allowed',
      'https://allowed.example/v1/..%00/admin': 'not_listed',
    };
    for (const [url, expected] of Object.entries(outcomes)) {
      t.equal(outcome([destination], url), expected, `${destination} and ${url}`);
    }
  }
  t.equal(outcome(['https://allowed.example'], 'https://allowed.example/a%2fb;c//d'), 'allowed');
  t.equal(outcome(['https://allowed.example/путь'], 'https://allowed.example/путь/x'), 'allowed');
  t.end();
});

t.test('parses an origin, a wildcard and a prefix', (t) => {
  t.strictSame(parseDestination('https://*.shop.example:8443/v1/'), {
    protocol: 'https:',
    hostname: 'shop.example',
    wildcard: true,
    port: '8443',
    pathPrefix: '/v1',
  });
  t.strictSame(parseDestination('http://127.0.0.1'), {
    protocol: 'http:',
    hostname: '127.0.0.1',
    wildcard: false,
    port: '',
    pathPrefix: '',
  });
  t.end();
});

t.test('refuses a wildcard over a public suffix, where anyone may register a name', (t) => {
  const suffixes = [
    'com',
    'ru',
    'xn--p1ai',
    'co.uk',
    'com.ru',
    'ck',
    'kawasaki.jp',
    'github.io',
    'herokuapp.com',
    'vercel.app',
    's3.amazonaws.com',
    'compute-1.amazonaws.com',
    'localhost',
    'internal',
    '127.0.0.1',
    '[::1]',
  ];
  for (const suffix of suffixes) {
    t.throws(
      () => parseDestination(`https://*.${suffix}`),
      { name: 'PolicyError', message: /public suffix or an address/ },
      suffix,
    );
  }
  for (const domain of [
    'example.co.uk',
    'someone.github.io',
    'city.kawasaki.jp',
    'corp.internal',
  ]) {
    t.equal(parseDestination(`https://*.${domain}`).hostname, domain);
  }
  t.end();
});

t.test('refuses a destination that is spelled unusually, with a sentence for the operator', (t) => {
  const faults = {
    'https://a.*.example': /may have one \* only/,
    'https://*.*.example.com': /may have one \* only/,
    'https://*shop.example': /may have one \* only/,
    'https://*': /may have one \* only/,
    'https://shop.example/*': /may have one \* only/,
    '*.shop.example': /may have one \* only/,
    'https://shop.example?a=1': /may not have a query/,
    'https://shop.example?': /may not have a query/,
    'https://shop.example/#a': /fragment/,
    'https://Shop.example': /would have to start with https:\/\/shop\.example\//,
    'https://shop.example:443': /would have to start with/,
    'https://user@shop.example': /userinfo/,
    'https://*.@evil.example': /userinfo/,
    'https://shop.example.': /ends with a dot/,
    'https://127.1': /would have to start with/,
    'shop.example': /does not parse/,
    'ftp://shop.example': /neither https nor http/,
    'https://shop.example/v1/../v2': /dot segment/,
    'https://shop.example/v1%2f..%2fv2': /read in two ways/,
    'https://shop.example//v1': /read in two ways/,
    'https://shop.example/..;a': /read in two ways/,
    'https://*.': /does not parse/,
    '': /does not parse/,
  };
  for (const [text, message] of Object.entries(faults)) {
    t.throws(() => parseDestination(text), { name: 'PolicyError', message }, text);
    t.throws(() => parseDestination(text), { message: JSON.stringify(text) });
  }
  t.end();
});

t.test('knows where a call goes without the token, and where with it first', (t) => {
  const policy = {
    destinations: ['https://api.example/v1'],
    plainDestinations: ['https://api.example', 'http://plain.example', 'https://*.files.example'],
  };
  const judged = (text: string, unsafePlaintext = false) => {
    const url = parseTargetUrl(text);
    const verdict = url.allowed ? judgeDestination({ ...policy, unsafePlaintext }, url.value) : url;
    if (!verdict.allowed) return verdict.reason;
    const { destination, isPlain } = verdict.value;
    return { destination, isPlain };
  };
  const [token] = policy.destinations;
  const [host, clear, wildcard] = policy.plainDestinations;
  t.strictSame(judged('https://api.example/v1/x'), { destination: token, isPlain: false });
  for (const path of ['/', '/v10', '/v1%2f..%2fx']) {
    t.strictSame(judged(`https://api.example${path}`), { destination: host, isPlain: true });
  }
  t.strictSame(judged('https://a.files.example/'), { destination: wildcard, isPlain: true });
  t.equal(judged('https://files.example/'), 'not_listed');
  t.equal(judged('http://plain.example/'), 'plaintext');
  t.strictSame(judged('http://plain.example/', true), { destination: clear, isPlain: true });
  t.end();
});
