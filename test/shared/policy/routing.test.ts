import t from 'tap';
import { decide } from '../../../shared/policy/decide.ts';
import { defaultInjection } from '../../../shared/policy/injection/schema.ts';
import { type FormBody, judgeForm } from '../../../shared/policy/routing.ts';
import type { Grant, RoutedBy } from '../../../shared/policy/schema.ts';
import { spellings } from './parameters/spellings.ts';

const all: Grant = { client: '*', type: '*' };
const limited: Grant = { ...all, paths: ['/wp-json/wc/v3/products*'] };
const getOnly: Grant = { ...all, methods: ['GET'] };
const wordpress: RoutedBy = { query: ['rest_route', '_method'], form: ['rest_route', '_method'] };

function outcome(routedBy: RoutedBy, grants: readonly Grant[], query = '') {
  const policy = {
    destinations: ['https://shop.example'],
    injection: defaultInjection,
    routedBy,
  };
  const url = `https://shop.example/wp-json/wc/v3/products${query}`;
  const verdict = decide(policy, grants, { method: 'GET', url });
  return verdict.allowed ? verdict.value.grant : verdict.reason;
}

t.test('a query that selects the operation needs a grant without methods and paths', async (t) => {
  for (const grant of [limited, getOnly, { ...limited, ...getOnly }]) {
    for (const query of spellings) {
      t.equal(outcome(wordpress, [grant], `?${query}`), 'routed_query', query);
    }
    t.equal(outcome(wordpress, [grant], '?_method=DELETE'), 'routed_query');
    for (const query of ['', '?', '?page=2&search=rest_route', '?a[_method]=1']) {
      t.equal(outcome(wordpress, [grant], query), grant, query);
    }
  }
  for (const query of spellings) t.equal(outcome(wordpress, [all], `?${query}`), all, query);
});

t.test('of several grants the one that counts is named', async (t) => {
  t.equal(outcome(wordpress, [limited, all], '?_method=DELETE'), all);
  t.equal(outcome(wordpress, [limited, all]), limited);
  t.equal(outcome(wordpress, [limited, getOnly], '?_method=DELETE'), 'routed_query');
});

t.test('says what to do', async (t) => {
  const policy = { destinations: ['https://a.example'], injection: defaultInjection };
  const detail = (routedBy: RoutedBy, url: string) => {
    const verdict = decide({ ...policy, routedBy }, [getOnly], { method: 'GET', url });
    return verdict.allowed ? undefined : [verdict.code, verdict.detail];
  };
  t.strictSame(detail({ query: ['a', 'b*'] }, 'https://a.example/?bc'), [
    'grant_denied',
    'The query has a parameter (a, b*) that selects the operation: leave it out, or use a grant without methods and paths.',
  ]);
  t.strictSame(detail({ body: true }, 'https://a.example/'), [
    'grant_denied',
    'The body of a call of this type selects the operation: use a grant without methods and paths.',
  ]);
});

t.test('a type that is routed by bodies allows nothing under methods or paths', async (t) => {
  t.equal(outcome({ body: true }, [limited]), 'routed_body');
  t.equal(outcome({ body: true }, [getOnly]), 'routed_body');
  t.equal(outcome({ body: true }, [getOnly, all]), all);
  t.equal(outcome({ body: true }, [{ ...getOnly, methods: ['POST'] }]), 'method');
});

t.test('judges forms, and reads none that need not be judged', async (t) => {
  const judge = (grants: readonly Grant[], form: FormBody | undefined, routedBy = wordpress) => {
    const [granted = all] = grants;
    const verdict = judgeForm({ routedBy }, grants, granted, () => form);
    return verdict.allowed ? verdict.value : [verdict.reason, verdict.detail];
  };
  t.equal(judge([limited], undefined), limited);
  t.equal(judge([limited], { text: '' }), limited);
  t.equal(judge([limited], { text: 'name=rest_route&page=1' }), limited);
  for (const text of spellings) t.match(judge([limited], { text }), ['routed_form', /leave it/]);
  t.match(judge([limited], { text: undefined }), [
    'routed_form',
    /send another type, such as JSON/,
  ]);
  t.equal(judge([limited, all], { text: undefined }), all);
  t.equal(judge([limited], { text: undefined }, { query: ['rest_route'] }), limited);

  const unread = () => {
    throw new Error('read');
  };
  for (const policy of [{ routedBy: wordpress }, {}]) {
    const grant = policy.routedBy ? all : limited;
    t.strictSame(judgeForm(policy, [grant], grant, unread), { allowed: true, value: grant });
  }
});
