import fc from 'fast-check';
import t from 'tap';
import { decide, probeOf, type Request } from '../../../shared/policy/decide.ts';
import { defaultInjection } from '../../../shared/policy/injection/schema.ts';
import { PolicyError } from '../../../shared/policy/policy-error.ts';
import { type Grant, methods, type Policy } from '../../../shared/policy/schema.ts';
import { hostileUrls } from './hostile-urls.ts';

const policy: Policy = {
  destinations: ['https://allowed.example', 'https://*.shop.example', 'https://evil.example/v1'],
  injection: defaultInjection,
};
const grants: Grant[] = [{ client: '*', type: '*' }];

function outcome(target: Request, given = grants): string {
  const verdict = decide(policy, given, target);
  return verdict.allowed ? verdict.value.url.href : `${verdict.code}: ${verdict.reason}`;
}

t.test('answers yes with the URL to send, encoded as it must go out', (t) => {
  t.equal(
    outcome({ method: 'GET', url: 'https://allowed.example/чай?q=a b' }),
    'https://allowed.example/%D1%87%D0%B0%D0%B9?q=a%20b',
  );
  for (const method of methods) {
    t.equal(outcome({ method, url: 'https://a.shop.example' }), 'https://a.shop.example/');
  }
  t.end();
});

t.test('refuses methods that no call may have, also under a grant without methods', (t) => {
  for (const method of [
    'CONNECT',
    'TRACE',
    'get',
    'GET ',
    '',
    'GET / HTTP/1.1\r\nX: 1',
    'toString',
  ]) {
    t.equal(
      outcome({ method, url: 'https://allowed.example/' }),
      'request_invalid: method_unknown',
      JSON.stringify(method),
    );
  }
  t.end();
});

t.test('needs the URL, the grant and the destination to be right, each by itself', (t) => {
  const target = { method: 'GET', url: 'https://allowed.example/v1' };
  t.equal(outcome(target), 'https://allowed.example/v1');
  t.equal(
    outcome({ ...target, url: 'https://allowed.example/v1#' }),
    'destination_denied: url_fragment',
  );
  t.equal(outcome(target, []), 'grant_denied: no_grant');
  t.equal(outcome(target, [{ client: '*', type: '*', methods: ['POST'] }]), 'grant_denied: method');
  t.equal(outcome(target, [{ client: '*', type: '*', paths: ['/v2/*'] }]), 'grant_denied: path');
  t.equal(
    outcome({ ...target, url: 'https://other.example/v1' }),
    'destination_denied: not_listed',
  );
  t.equal(
    outcome({ ...target, url: 'http://allowed.example/v1' }),
    'destination_denied: plaintext',
  );
  t.end();
});

t.test('says first what is wrong with the URL, whatever is granted', (t) => {
  const target = { method: 'GET', url: 'https://allowed.example/v1#' };
  for (const given of [[], [{ client: '*', type: '*', paths: ['/v2/*'] }]]) {
    t.equal(outcome(target, given), 'destination_denied: url_fragment');
  }
  t.end();
});

t.test('tells an app without a grant nothing of the destinations', (t) => {
  for (const url of ['https://allowed.example/', 'https://other.example/']) {
    t.equal(outcome({ method: 'GET', url }, []), 'grant_denied: no_grant');
  }
  t.end();
});

t.test('throws rather than allows if a destination is faulty', (t) => {
  const faulty = { ...policy, destinations: ['https://*.com'] };
  t.throws(() => decide(faulty, grants, { method: 'GET', url: 'https://a.com/' }), PolicyError);
  t.end();
});

t.test('never allows a host, scheme, port or path that is not listed', (t) => {
  // Written apart from the code under test: what the three destinations mean, over the text to send.
  const listed =
    /^https:\/\/(?:allowed\.example\/|[^./@:?#]+\.shop\.example\/|evil\.example\/v1(?:[/?]|$))/;
  const counts = { allowed: 0, refused: 0 };
  fc.assert(
    fc.property(hostileUrls, fc.constantFrom(...methods), (url, method) => {
      const verdict = decide(policy, grants, { method, url });
      counts[verdict.allowed ? 'allowed' : 'refused'] += 1;
      if (verdict.allowed && !listed.test(verdict.value.url.href)) {
        throw new Error(`${verdict.value.url.href} was allowed`);
      }
    }),
    { numRuns: 5000 },
  );
  t.ok(counts.allowed > 100 && counts.refused > 100, JSON.stringify(counts));
  t.end();
});

t.test('judges and sends a URL without the parameters that the type drops', (t) => {
  const dropping: Policy = {
    ...policy,
    dropQuery: ['sign', '_method'],
    routedBy: { query: ['_method', 'action'] },
  };
  const limited: Grant[] = [{ client: '*', type: '*', methods: ['GET'] }];
  const sentUrl = (query: string) => {
    const url = `https://allowed.example/v1${query}`;
    const verdict = decide(dropping, limited, { method: 'GET', url });
    return verdict.allowed ? verdict.value.url.href : verdict.reason;
  };
  t.equal(sentUrl('?a=1&sign=2&_method=PUT&b=я'), 'https://allowed.example/v1?a=1&b=%D1%8F');
  t.equal(sentUrl('?sign=1'), 'https://allowed.example/v1');
  t.equal(sentUrl('?'), 'https://allowed.example/v1?');
  t.equal(sentUrl(''), 'https://allowed.example/v1');
  t.equal(sentUrl('?sign=1&action=x'), 'routed_query');
  t.equal(sentUrl('?a=1;_method=PUT'), 'routed_query');
  t.end();
});

t.test('drops nothing at a plain destination', (t) => {
  const linked: Policy = {
    ...policy,
    plainDestinations: ['https://files.example'],
    dropQuery: ['Signature'],
  };
  const query = '?Expires=1&Signature=a%2Fb';
  const at = (url: string) => decide(linked, grants, { method: 'GET', url: `${url}${query}` });
  t.match(at('https://files.example/1'), {
    value: { url: { href: `https://files.example/1${query}` }, isPlain: true },
  });
  t.match(at('~files.example/1'), { value: { url: { search: query }, isPlain: true } });
  t.match(at('https://allowed.example/1'), { value: { url: { search: '?Expires=1' } } });
  t.end();
});

t.test('a type has a probe or none', async (t) => {
  const probe = { method: 'GET' as const, url: 'https://api.example/me' };
  const type = { destinations: ['https://api.example'], injection: defaultInjection };
  t.strictSame(probeOf({ ...type, probe }), { allowed: true, value: probe });
  t.match(probeOf(type), { code: 'request_invalid', reason: 'no_probe', detail: /--probe/ });
});
