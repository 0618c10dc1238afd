import t from 'tap';
import { findAppKey } from '../../../secureproxy/routes/app-key.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';

const key = makeCallerKey('spk_');
const other = makeCallerKey('spk_');
const wrong = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');

t.test('finds the key in any header or query parameter', (t) => {
  t.equal(findAppKey(['Authorization', `Bearer ${key}`], ''), key);
  t.equal(findAppKey(['authorization', `bearer   ${key}`], ''), key);
  t.equal(findAppKey(['Authorization', `Bearer\t${key}`], ''), key);
  t.equal(findAppKey(['Authorization', `Token ${key}`], ''), key);
  t.equal(findAppKey(['Authorization', `OAuth2.0 \t ${key}`], ''), key);
  t.equal(findAppKey(['Authorization', key], ''), key);
  t.equal(findAppKey(['Api-Key', key, 'Host', 'x'], '?a=1'), key);
  t.equal(findAppKey(['X-Anything', ` ${key} `], ''), key);
  t.equal(findAppKey([], `?anything=${key}`), key);
  t.equal(findAppKey([], `?a=b&c=Bearer%20${key}`), key);
  t.equal(findAppKey([], `?a=%73pk_${key.slice(4)}`), key);
  t.end();
});

t.test('finds no key if there is none', (t) => {
  t.equal(findAppKey([], ''), null);
  t.equal(findAppKey(['Authorization', 'Bearer other', 'Cookie', `a=${key}`], '?q=1'), null);
  t.equal(findAppKey([key, 'a header that is named so'], `?${key}=1`), null);
  t.equal(findAppKey(['X', makeCallerKey('spx_')], ''), null);
  t.end();
});

t.test('refuses two, also the same twice', (t) => {
  for (const [headers, query] of [
    [['Authorization', `Bearer ${key}`, 'Api-Key', other], ''],
    [['Authorization', `Bearer ${key}`, 'Api-Key', key], ''],
    [['Authorization', `Bearer ${key}`, 'Authorization', `Bearer ${other}`], ''],
    [['X-Key', key, 'x-key', other], ''],
    [['X-Key', `${key}, ${other}`], ''],
    [['X-Key', key], `?key=${other}`],
    [[], `?key=${key}&key=${other}`],
    [['X-Key', key, 'X-Other', wrong], ''],
  ] as const) {
    t.throws(() => findAppKey(headers, query), {
      code: 'request_invalid',
      options: { reason: 'two_app_keys' },
    });
  }
  t.end();
});

t.test('rejects a malformed key, and never treats it as absent', (t) => {
  for (const bad of [
    wrong,
    `${key}x`,
    key.slice(0, -1),
    'spk_',
    'spk_я',
    `spk_${'a'.repeat(36)}`,
  ]) {
    t.throws(
      () => findAppKey(['Authorization', `Bearer ${bad}`], ''),
      { code: 'caller_unauthenticated', options: { reason: 'app_key_form' } },
      bad,
    );
    for (const scheme of ['Bearer\t', 'Token ', 'bearer  ', '']) {
      t.throws(() => findAppKey(['X-Key', scheme + bad], ''), { code: 'caller_unauthenticated' });
    }
  }
  t.end();
});
