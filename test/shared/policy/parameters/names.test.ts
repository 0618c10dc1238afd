import t from 'tap';
import {
  nameMatcher,
  parameterNames,
  withoutParameters,
} from '../../../../shared/policy/parameters/names.ts';
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

t.test('drops parameters in every spelling, and leaves the bytes of others', async (t) => {
  const names = ['sign', 'oauth_*'];
  for (const [search, left] of [
    ['', ''],
    ['?', '?'],
    ['?a=%2f&&b=+;x', '?a=%2f&&b=+;x'],
    ['?sign=1', ''],
    ['?sign', ''],
    ['?&sign=1', '?'],
    ['?a=1&sign=2&b=%20&Sign[]=3&oauth%5Fnonce=4', '?a=1&b=%20'],
    ['?%2573ign=1&sign_method=md5&c', '?sign_method=md5&c'],
    ['?oauth_token=1&oauth=2&my_oauth_x=3', '?oauth=2&my_oauth_x=3'],
    // Whatever follows a semicolon is judged, not dropped.
    ['?a=1;sign=2', '?a=1;sign=2'],
    ['?a=sign&b=oauth_x', '?a=sign&b=oauth_x'],
  ] as const) {
    t.equal(withoutParameters(search, names), left, search);
  }
});
