import t from 'tap';
import { checkQuery, pathOf } from '../../../secureproxy/http/injected-query.ts';

const at = (query: string) => new URL(`https://shop.example/v1${query}`);
const injected = [
  ['access_token', 'a&b=c'],
  ['v', '5'],
] as const;
const injectedNames = injected.map(([name]) => name);

t.test('leaves the query unchanged if nothing is injected', async (t) => {
  t.equal(pathOf(at('?access_token=mine;v'), []), '/v1?access_token=mine;v');
  t.equal(pathOf(at(''), []), '/v1');
  t.equal(pathOf(at('?'), []), '/v1?');
});

t.test('puts encoded parameters behind what the caller wrote', async (t) => {
  t.equal(pathOf(at(''), injected), '/v1?access_token=a%26b%3Dc&v=5');
  t.equal(pathOf(at('?'), injected), '/v1?access_token=a%26b%3Dc&v=5');
  t.equal(pathOf(at('?x=%20;y&'), injected), '/v1?x=%20;y&&access_token=a%26b%3Dc&v=5');
  t.equal(pathOf(at('?x'), [['a b', 'я']]), '/v1?x&a%20b=%D1%8F');
});

const spellings = [
  'access_token=mine',
  'access_token',
  'access_token=',
  'a=1&access_token=mine',
  'access_token=mine&a=1',
  'ACCESS_token=mine',
  'access%5Ftoken=mine',
  '%61ccess_token=mine',
  'access_token[]=mine',
  'access_token%5B%5D=mine',
  'access_token[x][y]=mine',
  'access_token%00=mine',
  'access_token%00x=mine',
  'access.token=mine',
  'access%20token=mine',
  'access+token=mine',
  'access-token=mine',
  '%20access_token=mine',
  '+access_token=mine',
  'access_token%20=mine',
  'a=1;access_token=mine',
  'a=1;b;ACCESS.TOKEN[]=mine',
  ';access_token',
  'x=&v[]=6',
];

for (const query of spellings) {
  t.test(`refuses ${query}`, async (t) => {
    t.throws(() => checkQuery(at(`?${query}`), injectedNames), {
      code: 'request_invalid',
      message:
        /^The URL must not have the query parameter "(?:access_token|v)": the proxy adds it\.$/,
      options: { reason: 'injected_parameter' },
    });
  });
}

t.test('takes parameters of other names', async (t) => {
  for (const query of [
    'token=1',
    'access=1',
    'access_token2=1',
    'my_access_token=1',
    'a=access_token',
    'a=v',
    'a[access_token]=1',
    '[v]=1',
    'vv=1',
    'accesstoken=1',
    'access__token=1',
  ]) {
    checkQuery(at(`?${query}`), injectedNames);
    t.equal(pathOf(at(`?${query}`), injected), `/v1?${query}&access_token=a%26b%3Dc&v=5`);
  }
});

t.test('finds the name whatever the policy writes', async (t) => {
  for (const query of ['API_KEY=1', 'api-key=1', 'Api.Key[]=1']) {
    t.throws(() => checkQuery(at(`?${query}`), ['Api-Key']), { code: 'request_invalid' }, query);
  }
});
