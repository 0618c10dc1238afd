import t from 'tap';
import {
  judgeDirectGrants,
  judgeGrants,
  matchingGrants,
  pathPatternFault,
} from '../../../shared/policy/grant.ts';
import type { Grant } from '../../../shared/policy/schema.ts';
import { TargetUrl } from '../../../shared/policy/url.ts';

const any = { client: '*', type: '*' };

function outcome(grants: readonly Grant[], method: string, url: string): string {
  const verdict = judgeGrants(grants, method, new TargetUrl(new URL(url)));
  return verdict.allowed ? 'allowed' : `${verdict.code}: ${verdict.reason}`;
}

t.test('selects the grants whose client and type both match', (t) => {
  const grants: Grant[] = [
    { client: 'acme', type: 'shop' },
    { client: 'acme*', type: 'shop' },
    { client: 'acme', type: '*' },
    { client: '*', type: 'other' },
    { client: 'other', type: 'shop' },
  ];
  t.strictSame(matchingGrants(grants, 'acme', 'shop'), grants.slice(0, 3));
  t.strictSame(matchingGrants(grants, 'acme2', 'shop'), grants.slice(1, 2));
  t.strictSame(matchingGrants(grants, 'nobody', 'shop'), []);
  t.strictSame(matchingGrants([], 'acme', 'shop'), []);
  t.end();
});

t.test('refuses without a grant in one sentence, whatever exists', (t) => {
  const expected = {
    allowed: false,
    code: 'grant_denied',
    reason: 'no_grant',
    detail: 'The app has no grant for this client and token type.',
  };
  t.strictSame(judgeGrants([], 'GET', new TargetUrl(new URL('https://api.example/'))), expected);
  t.strictSame(judgeDirectGrants([]), expected);
  t.end();
});

t.test('allows every method and path where a grant names none', (t) => {
  t.equal(outcome([any], 'DELETE', 'https://api.example/a//b%2f;c'), 'allowed');
  t.end();
});

t.test('allows only the methods that a grant names', (t) => {
  const grants: Grant[] = [{ ...any, methods: ['GET', 'HEAD'] }];
  t.equal(outcome(grants, 'HEAD', 'https://api.example/'), 'allowed');
  for (const method of ['POST', 'get', 'GET ', '', 'GETX']) {
    t.equal(outcome(grants, method, 'https://api.example/'), 'grant_denied: method', method);
  }
  t.end();
});

t.test('allows only the paths that a grant names, on the named origin if there is one', (t) => {
  const paths = ['/v1/orders/*', '/v1/ping', 'https://api.example/v2/*', '/users/*', '/people*'];
  const outcomes = {
    'https://api.example/v1/orders/1?x=/v9': 'allowed',
    'https://api.example/v1/orders/': 'allowed',
    'https://api.example/v1/ping': 'allowed',
    'https://api.example/v2/x': 'allowed',
    'https://api.example/v1/orders': 'grant_denied: path',
    'https://api.example/v1/orders2/1': 'grant_denied: path',
    'https://api.example/v1/ping/x': 'grant_denied: path',
    'https://api.example/x/v1/ping': 'grant_denied: path',
    'https://api.example/?/v1/ping': 'grant_denied: path',
    'https://api.example/V1/ping': 'grant_denied: path',
    'https://other.example/v2/x': 'grant_denied: path',
    'https://api.example:8443/v2/x': 'grant_denied: path',
    'http://api.example/v2/x': 'grant_denied: path',
    'https://api.example.evil.example/v2/x': 'grant_denied: path',
    'https://api.example/v1/orders/..%2f..%2fadmin': 'grant_denied: path',
    'https://api.example/v1/orders/..%5cadmin': 'grant_denied: path',
    'https://api.example/v1/orders/..;/admin': 'grant_denied: path',
    'https://api.example/v1/orders/..%3Fx': 'grant_denied: path',
    'https://api.example/v1/orders/..%23': 'grant_denied: path',
    'https://api.example//v1/orders/1': 'grant_denied: path',
    'https://api.example/v1%2Forders/1': 'grant_denied: path',
    'https://api.example/v1/%6Frders/1': 'grant_denied: path',
    'https://api.example/v1/ping;x': 'grant_denied: path',
    'https://api.example/v1/ping%3F': 'grant_denied: path',
    'https://api.example/users%2Fme': 'grant_denied: path',
    'https://api.example/people%2Fme': 'allowed',
    'https://api.example/v1/orders//admin': 'allowed',
    'https://api.example/v1/orders/AB%2F12': 'allowed',
    'https://api.example/v1/orders/50%25': 'allowed',
    'https://api.example/v1/orders/50%': 'allowed',
    'https://api.example/v1/orders/RED%3BXL': 'allowed',
    'https://api.example/v1/orders/%252e%252e/admin': 'grant_denied: path',
    'https://api.example/v1/orders/..%00/admin': 'grant_denied: path',
  };
  for (const [url, expected] of Object.entries(outcomes)) {
    t.equal(outcome([{ ...any, paths }], 'GET', url), expected, url);
  }
  t.end();
});

t.test('wants method and path from one and the same grant', (t) => {
  const grants: Grant[] = [
    { ...any, methods: ['GET'], paths: ['/read/*'] },
    { ...any, methods: ['POST'], paths: ['/write/*'] },
  ];
  t.equal(outcome(grants, 'GET', 'https://api.example/read/1'), 'allowed');
  t.equal(outcome(grants, 'POST', 'https://api.example/write/1'), 'allowed');
  t.equal(outcome(grants, 'POST', 'https://api.example/read/1'), 'grant_denied: path');
  t.equal(outcome(grants, 'GET', 'https://api.example/write/1'), 'grant_denied: path');
  t.equal(outcome(grants, 'PUT', 'https://api.example/write/1'), 'grant_denied: method');
  t.end();
});

t.test('gives a token itself only under a grant without limits', (t) => {
  const limited: Grant[] = [
    { ...any, methods: ['GET'] },
    { ...any, paths: ['/v1/*'] },
  ];
  t.match(judgeDirectGrants(limited), {
    allowed: false,
    code: 'grant_denied',
    reason: 'direct_limited',
  });
  t.strictSame(judgeDirectGrants([...limited, any]), { allowed: true, value: any });
  t.end();
});

t.test('accepts path patterns that can match as written', (t) => {
  for (const pattern of [
    '/',
    '/*',
    '/v1/orders',
    '/v1/orders*',
    '/v1/%D1%8F/*',
    '/v1//*',
    '/a%2fb*',
    '/a;b/*',
    '/50%25*',
    '/50%',
    'https://api.example/*',
    'http://127.0.0.1:8080/v1',
  ]) {
    t.equal(pathPatternFault(pattern), undefined, pattern);
  }
  t.end();
});

t.test('refuses path patterns that never match, or that match more than they seem to', (t) => {
  const unusual = [
    '',
    '*',
    'v1/*',
    'https://*',
    'https://api.example',
    'https://api.example*',
    'https://api.*',
    'https://API.example/*',
    'https://user@api.example/*',
    'https://api.example./*',
    'https://api.example:443/*',
    'ftp://api.example/*',
    'data:/x*',
    '/v1/../*',
    '/v1/..*',
    '/v1/%2e/*',
    '/v1?x*',
    '/v1?',
    '/v1#x',
    '/a b/*',
    '/я/*',
    '/v1\\x',
    '/v1/\n',
  ];
  for (const pattern of unusual) t.match(pathPatternFault(pattern), /is neither a path/, pattern);
  for (const pattern of ['/*/x', '/**', '/v1/*/*'])
    t.match(pathPatternFault(pattern), /one \* only/, pattern);
  for (const pattern of ['//x/*', '/%2fx/*', '/..%3b/*', '/%u0041', '/v1/%2*', '/v1/%*']) {
    t.match(pathPatternFault(pattern), /could be read in two ways/, pattern);
  }
  t.end();
});
