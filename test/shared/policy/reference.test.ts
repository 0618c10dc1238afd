import t from 'tap';
import { decide } from '../../../shared/policy/decide.ts';
import {
  isReference,
  originReference,
  resolveReference,
} from '../../../shared/policy/reference.ts';
import type { TargetUrl } from '../../../shared/policy/url.ts';

const policy = {
  destinations: [
    'https://api.example/v1',
    'https://*.shop.example',
    'https://other.example:8443',
    'http://plain.example',
  ],
};

t.test('a URL without an origin is a reference', async (t) => {
  for (const url of ['/', '/v1', '//host', '~host', '~']) t.ok(isReference(url), url);
  for (const url of ['', 'https://a', 'v1', '?a', '%7Ehost']) t.notOk(isReference(url), url);
});

t.test('gets the origin of a destination, never of a wildcard, and keeps its bytes', async (t) => {
  const rows = [
    ['/', 'https://api.example/'],
    ['/v1/a%2Fb?', 'https://api.example/v1/a%2Fb?'],
    ['//evil.example/', 'https://api.example//evil.example/'],
    ['/~evil.example', 'https://api.example/~evil.example'],
    ['~api.example/v1', 'https://api.example/v1'],
    ['~API.example/v1', 'https://api.example/v1'],
    ['~other.example:8443?a', 'https://other.example:8443?a'],
    ['~plain.example/', 'http://plain.example/'],
    ['~other.example/', undefined],
    ['~api.example:443/', undefined],
    ['~a.shop.example/', undefined],
    ['~shop.example/', undefined],
    ['~*.shop.example/', undefined],
    ['~api.example@evil.example/', undefined],
    ['~api.example\\.evil.example/', undefined],
    ['~', undefined],
  ] as const;
  for (const [reference, expected] of rows) {
    const verdict = resolveReference(policy, reference);
    t.equal(verdict.allowed ? verdict.value : undefined, expected, reference);
  }
  t.match(resolveReference({ destinations: [] }, '/'), { allowed: false });
  t.match(resolveReference({ destinations: ['https://*.shop.example'] }, '/'), {
    reason: 'first_wildcard',
  });
});

t.test('what it makes is judged by grants and destinations', async (t) => {
  const injection = { scheme: 'headers', headers: { Authorization: 'x' } } as const;
  const judge = (url: string, paths: string[]) =>
    decide({ ...policy, injection }, [{ client: '*', type: '*', paths }], { method: 'GET', url });
  t.match(judge('/v1/a', ['/v1/*']), {
    allowed: true,
    value: { url: { href: 'https://api.example/v1/a' } },
  });
  t.match(judge('/v2/a', ['/v2/*']), { reason: 'not_listed' });
  t.match(judge('/v1/a', ['/v2/*']), { reason: 'path' });
  t.match(judge('/v1/a', ['https://api.example/*']), { allowed: true });
  t.match(judge('~other.example:8443/v1/a', ['https://api.example/*']), { reason: 'path' });
  t.match(judge('~plain.example/', ['/*']), { reason: 'plaintext' });
});

t.test('a URL has a reference if that leads to its own origin', async (t) => {
  const of = (text: string) => originReference(policy, new URL(text) as unknown as TargetUrl);
  t.equal(of('https://other.example:8443/x'), '~other.example:8443');
  t.equal(of('https://api.example/'), '~api.example');
  for (const url of ['http://api.example/', 'https://a.shop.example/', 'https://evil.example/'])
    t.equal(of(url), undefined, url);
});
