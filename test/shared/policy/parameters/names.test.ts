import t from 'tap';
import { nameMatcher, parameterNames } from '../../../../shared/policy/parameters/names.ts';
import { spellings } from './spellings.ts';

for (const query of spellings) {
  t.test(`finds ${query}`, async (t) => {
    t.ok(parameterNames(query).some(nameMatcher(['rest_route'])));
  });
}

t.test('finds no other names', async (t) => {
  for (const query of [
    '',
    'a=rest_route',
    'a=1&b=rest_route%26c',
    'rest_route2=1',
    'my_rest_route=1',
    'a[rest_route]=1',
    '[rest_route]=1',
    'restroute=1',
    'rest=1&route=2',
    'rest__route=1',
    '%=1',
    '%u00=1',
  ]) {
    t.notOk(parameterNames(query).some(nameMatcher(['rest_route'])), query);
  }
});

t.test('decodes a name eight times, and takes bytes that are no UTF-8', async (t) => {
  const encoded = (depth: number) => `%${'25'.repeat(depth)}5Fmethod`;
  const isFound = (query: string) => parameterNames(query).some(nameMatcher(['_method']));
  t.ok(isFound(encoded(7)));
  t.notOk(isFound(encoded(8)));
  t.ok(isFound('%FFmethod'));
});

t.test('a star stands for all names that begin alike', async (t) => {
  const isNamed = nameMatcher(['oauth_*', 'sign']);
  for (const query of ['oauth_nonce', 'OAuth.Token[]', 'oauth_', 'sign']) {
    t.ok(parameterNames(query).some(isNamed), query);
  }
  for (const query of ['oauth', 'my_oauth_nonce', 'sign_method', 'signs']) {
    t.notOk(parameterNames(query).some(isNamed), query);
  }
});
