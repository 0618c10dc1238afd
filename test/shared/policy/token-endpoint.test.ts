import t from 'tap';
import { decide } from '../../../shared/policy/decide.ts';
import { judgeDestination } from '../../../shared/policy/destination.ts';
import { defaultInjection } from '../../../shared/policy/injection/schema.ts';
import { PolicyError } from '../../../shared/policy/policy-error.ts';
import type { Grant, Policy } from '../../../shared/policy/schema.ts';
import { parseTokenEndpoint } from '../../../shared/policy/token-endpoint.ts';
import { parseTargetUrl } from '../../../shared/policy/url.ts';
import { checkAllowed } from '../../../shared/policy/verdict.ts';
import { tokenEndpointSpellings } from './token-endpoint-spellings.ts';

const policy: Policy = {
  destinations: ['https://api.example', 'https://api.example:8443', 'http://api.example'],
  injection: defaultInjection,
  unsafePlaintext: true,
  tokenEndpoints: ['https://api.example/auth/o2/token', 'https://login.example/Token/'],
};
const all: readonly Grant[] = [{ client: '*', type: '*' }];
const limited: readonly Grant[] = [
  { client: '*', type: '*', methods: ['GET'], paths: ['/orders/*'] },
];

const judge = (url: string) => judgeDestination(policy, checkAllowed(parseTargetUrl(url)));

t.test('a token endpoint is nowhere that a token goes to', async (t) => {
  for (const url of [
    'https://api.example/auth/o2/token',
    'https://api.example/auth/o2/token?grant_type=client_credentials',
    'https://login.example/Token/',
  ]) {
    const value = { isTokenEndpoint: true, isPlain: true, destination: url.split('?')[0] };
    t.match(judge(url), { allowed: true, value }, url);
  }
  t.match(judge('https://api.example/orders'), {
    value: { isTokenEndpoint: false, isPlain: false },
  });
});

t.test('other spellings of it are refused', async (t) => {
  for (const path of tokenEndpointSpellings) {
    for (const origin of [
      'https://api.example',
      'https://api.example:8443',
      'http://api.example',
    ]) {
      const refusal = { code: 'destination_denied', reason: 'token_endpoint_spelling' };
      t.match(judge(origin + path), refusal, origin + path);
    }
  }
  for (const origin of ['https://api.example:8443', 'http://api.example']) {
    t.match(judge(`${origin}/auth/o2/token`), { reason: 'token_endpoint_spelling' }, origin);
  }
});

t.test('other paths and hosts are judged as ever', async (t) => {
  for (const path of [
    '/',
    '/auth/o2',
    '/auth/o2/tokens',
    '/auth/o2/token/x',
    '/v1/auth/o2/token',
  ]) {
    t.match(judge(`https://api.example${path}`), { value: { isTokenEndpoint: false } }, path);
  }
  t.match(judge('https://login.example/orders'), { reason: 'not_listed' });
  const { tokenEndpoints, ...without } = policy;
  const same = checkAllowed(parseTargetUrl('https://api.example/auth/o2/token%ff'));
  t.match(judgeDestination(without, same), { value: { isTokenEndpoint: false } });
  const several = {
    ...policy,
    tokenEndpoints: ['https://api.example/b', ...(tokenEndpoints ?? [])],
  };
  const spelled = checkAllowed(parseTargetUrl('https://api.example/auth/o2/Token'));
  t.match(judgeDestination(several, spelled), { reason: 'token_endpoint_spelling' });
  const elsewhere = { ...policy, destinations: ['https://*.shop.example'] };
  const url = checkAllowed(parseTargetUrl('https://a.shop.example/auth/o2/token/%ff'));
  t.match(judgeDestination(elsewhere, url), { allowed: true });
});

t.test('any grant is enough for a reference, none is not', async (t) => {
  for (const url of ['/auth/o2/token', '~api.example/auth/o2/token', '~login.example/Token/']) {
    const request = { method: 'POST', url };
    t.match(decide(policy, limited, request), { value: { isTokenEndpoint: true } }, url);
    t.match(decide(policy, [], request), { code: 'grant_denied', reason: 'no_grant' }, url);
  }
  const other = { method: 'POST', url: '~login.example/orders' };
  t.match(decide(policy, limited, other), { reason: 'method' });
  t.match(decide(policy, all, other), { reason: 'not_listed' });
  // Of a whole URL, KeyServer judges methods and paths before it knows the type.
  const whole = { method: 'POST', url: 'https://api.example/auth/o2/token' };
  t.match(decide(policy, limited, whole), { reason: 'method' });
  t.match(decide(policy, all, whole), { value: { isTokenEndpoint: true } });
});

t.test('what selects the operation of calls does not concern it', async (t) => {
  const routed = { ...policy, routedBy: { body: true as const } };
  t.match(decide(routed, limited, { method: 'POST', url: '/auth/o2/token' }), { allowed: true });
});

t.test('is an origin and a path', async (t) => {
  for (const [text, fault] of [
    ['https://api.example', 'is not an origin'],
    ['https://api.example/', 'has no path'],
    ['https://api.example/token?a', 'is not an origin'],
    ['https://api.example/t oken', 'is not an origin'],
    ['https://*.example/a%2F..%2Fb', 'could read in two ways'],
    ['/token', 'is not usable'],
    ['ftp://api.example/token', 'is not usable'],
    ['https://API.example/token', 'is not usable'],
  ] as const) {
    t.throws(() => parseTokenEndpoint(text), { message: new RegExp(fault) }, text);
    t.throws(() => parseTokenEndpoint(text), PolicyError);
  }
  t.equal(parseTokenEndpoint('https://api.example/a/token').pathname, '/a/token');
});
