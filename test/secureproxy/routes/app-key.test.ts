import fc from 'fast-check';
import t from 'tap';
import { CallerHead } from '../../../secureproxy/http/caller-head.ts';
import { findAppKey, hasBegunKey } from '../../../secureproxy/routes/app-key.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../../shared/errors.ts';

const key = makeCallerKey('spk_');
const other = makeCallerKey('spk_');
/** How SDKs spell a credential. */
const spellingsOf = (text: string) => [
  ...[
    '',
    ' ',
    'Bearer ',
    'bearer   ',
    'Bearer\t',
    'Token ',
    'OAuth ',
    'GoogleLogin auth=',
    'a, ',
  ].map((scheme) => scheme + text),
  `Bearer "${text}"`,
  `Token token="${text}", nonce="1"`,
  `Digest username='${text}'`,
  `session=1; key=${text}; b=2`,
  `4711:${text}`,
  `${text}:`,
  `Bearer%20${text.replace('_', '%5F')}`,
  `<${text}>`,
  ...[`${text}:`, `${text}:x`, `:${text}`, `u:${text}`, `us:${text}`, `user:${text}`].flatMap(
    (pair) =>
      ['base64', 'base64url'].flatMap((encoding) => {
        const encoded = Buffer.from(pair).toString(encoding as 'base64');
        return [`Basic ${encoded}`, `basic  "${encoded}"`, encoded];
      }),
  ),
];
const wrong = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');

const keyIn = (rawHeaders: readonly string[], query: string) =>
  findAppKey(new CallerHead(rawHeaders), query).appKey;

t.test('finds the key in any header or query parameter', (t) => {
  t.equal(keyIn(['Authorization', `Bearer ${key}`], ''), key);
  t.equal(keyIn(['authorization', `bearer   ${key}`], ''), key);
  t.equal(keyIn(['Authorization', `Bearer\t${key}`], ''), key);
  t.equal(keyIn(['Authorization', `Token ${key}`], ''), key);
  t.equal(keyIn(['Authorization', `OAuth2.0 \t ${key}`], ''), key);
  t.equal(keyIn(['Authorization', key], ''), key);
  t.equal(keyIn(['Api-Key', key, 'Host', 'x'], '?a=1'), key);
  t.equal(keyIn(['X-Anything', ` ${key} `], ''), key);
  t.equal(keyIn([], `?anything=${key}`), key);
  t.equal(keyIn([], `?a=b&c=Bearer%20${key}`), key);
  t.equal(keyIn([], `?a=%73pk_${key.slice(4)}`), key);
  for (const escaped of [
    `%73pk_${key.slice(4)}`,
    `%2573pk_${key.slice(4)}`,
    `spk%255F${key.slice(4)}`,
  ]) {
    t.equal(keyIn(['X-Anything', escaped], ''), key, escaped.slice(0, 8));
    t.equal(keyIn([], `?a=${escaped}`), key);
  }
  t.throws(() => keyIn([], `?a=${key}%00`), { code: 'caller_unauthenticated' });
  t.end();
});

t.test('finds it in every spelling, behind every scheme', (t) => {
  for (const spelled of spellingsOf(key)) {
    t.equal(keyIn(['X-Anything', spelled], ''), key, spelled.replace(key, '<key>'));
    t.equal(keyIn([], `?a=1&b=${encodeURIComponent(spelled)}`), key);
  }
  t.end();
});

t.test('takes one key that stands in many places', (t) => {
  const basic = `Basic ${Buffer.from(`${key}:${key}`).toString('base64')}`;
  t.equal(keyIn(['Authorization', basic, 'Api-Key', key], `?a=${key}&b=${key}`), key);
  t.end();
});

t.test('finds no key if there is none', (t) => {
  t.equal(keyIn([], ''), null);
  t.equal(keyIn(['Authorization', 'Bearer other', 'Cookie', 'a=b'], '?q=1'), null);
  t.equal(keyIn([key, 'a header that is named so'], `?${key}=1`), null);
  t.equal(keyIn(['X', makeCallerKey('spx_')], ''), null);
  // Less than key-like, or within a word.
  for (const text of ['spk_', 'spk_orders', `spk_${'a'.repeat(19)}`, `xspk_${'a'.repeat(36)}`]) {
    t.equal(keyIn(['X', text], `?a=${text}`), null, text);
  }
  t.end();
});

t.test('refuses two different ones', (t) => {
  for (const [headers, query] of [
    [['Authorization', `Bearer ${key}`, 'Api-Key', other], ''],
    [['Authorization', `Bearer ${key}`, 'Authorization', `Bearer ${other}`], ''],
    [['X-Key', key, 'x-key', other], ''],
    [['X-Key', `${key}, ${other}`], ''],
    [['X-Key', `Basic ${Buffer.from(`${key}:${other}`).toString('base64')}`], ''],
    [['X-Key', key], `?key=${other}`],
    [[], `?key=${key}&key=${other}`],
    [['X-Key', key, 'X-Other', wrong], ''],
  ] as const) {
    t.throws(() => keyIn(headers, query), {
      code: 'request_invalid',
      options: { reason: 'two_app_keys' },
    });
  }
  t.end();
});

t.test('rejects a malformed key in every spelling, and never treats it as absent', (t) => {
  for (const bad of [
    wrong,
    `${key}x`,
    key.slice(0, -1),
    `spk_${'a'.repeat(20)}`,
    `spk_${'a'.repeat(36)}`,
    `${key}-`,
    `${key}.x`,
    `${key}_${key}`,
    `spk_${'a'.repeat(10_000)}`,
  ]) {
    for (const spelled of spellingsOf(bad)) {
      t.throws(
        () => keyIn(['X-Key', spelled], ''),
        { code: 'caller_unauthenticated', options: { reason: 'app_key_form' } },
        spelled.slice(0, 80),
      );
    }
  }
  t.end();
});

t.test('tells what is left of a key in every spelling', (t) => {
  for (const left of ['spk_', key.slice(0, 5), key.slice(0, 23), `spk_a-${key.slice(5)}`]) {
    for (const spelled of spellingsOf(left)) {
      t.equal(keyIn(['X-Key', spelled], ''), null, spelled);
      t.ok(hasBegunKey(['X-Key', spelled], ''));
      t.ok(hasBegunKey([], `?a=1&b=${encodeURIComponent(spelled)}`));
    }
  }
  t.ok(hasBegunKey(['Authorization', 'Basic c3BrXw=='], ''), 'the prefix alone');
  for (const cased of [key.toUpperCase(), key.replace('spk', 'Spk')]) {
    t.ok(hasBegunKey(['X-Key', `Bearer ${cased}`], ''), cased);
    t.ok(hasBegunKey([], `?a=${cased}`));
  }
  t.end();
});

t.test('tells nothing of values that begin otherwise', (t) => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  for (const value of [
    '',
    'a text of spk_',
    'xspk_a',
    'SPK_1024',
    'Spk_blue-large-with-a-hood',
    'https://example.com/spk_a',
    makeCallerKey('spx_'),
    'c3BrX',
    `Basic ${base64('user:password')}`,
    `Basic ${base64('user:my-spk_')}`,
    `Bearer ${base64('{"a":"a text of spk_"}')}`,
  ]) {
    t.notOk(hasBegunKey(['X', value], `?a=${encodeURIComponent(value)}`), value);
  }
  t.notOk(hasBegunKey(['spk_', 'a'], '?spk_=a'), 'names are not values');
  t.end();
});

t.test('judges any values as one of three, in linear time', (t) => {
  const part = fc.oneof(
    fc.constantFrom(key, wrong, 'spk_', 'c3BrX', 'Nwa1', 'zcGtf', '%5F', 'Basic ', ':', '"', ','),
    fc.string({ maxLength: 4 }),
  );
  const value = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(value, (text) => {
      try {
        const found = keyIn(['X', text], '');
        return found === key || (found === null && !text.includes(key));
      } catch (error) {
        return error instanceof ServiceError;
      }
    }),
    { numRuns: 2000 },
  );
  // A header has 16 KiB at most; a quadratic search of 1 MB would outlast the test.
  for (const unit of [
    'spk_',
    'spk_a',
    'c3BrX',
    'c3BrX ',
    'xspk_',
    `${'a'.repeat(30)} `,
    'a=',
    ' ',
  ]) {
    keyIn(['X', unit.repeat(1_000_000 / unit.length)], '');
    hasBegunKey(['X', unit.repeat(1_000_000 / unit.length)], '');
  }
  t.end();
});
