import fc from 'fast-check';
import t from 'tap';
import { checkNoAppKey, holdsKey } from '../../../secureproxy/http/key-watch.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';

const key = makeCallerKey('spk_');
const wrong = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
const clean = { url: 'https://api.example/v1', headers: { 'X-A': 'b' }, body: Buffer.from('{}') };
const hex = (character: string) => character.charCodeAt(0).toString(16);

/** The place that the error names; undefined if the request passes. */
function found(request: Partial<Parameters<typeof checkNoAppKey>[0]>): string | undefined {
  try {
    checkNoAppKey({ ...clean, ...request });
    return undefined;
  } catch (error) {
    const { code, options } = error as {
      code: string;
      options: { reason: string; detail: string };
    };
    if (code !== 'request_invalid' || options.reason !== 'app_key_misplaced') throw error;
    if (options.detail.includes(key)) throw new Error('the key is repeated');
    return options.detail.split(' ', 1)[0];
  }
}

const inJson = (text: string) => text.replace(/./g, (one) => `\\u00${hex(one)}`);
const inForm = (text: string) => text.replace(/./g, (one) => `%${hex(one).toUpperCase()}`);
const spellings: Readonly<Record<string, string>> = {
  plain: key,
  'with an encoded underscore': key.replace('_', '%5F'),
  'with an encoded letter': key.replace('s', '%73'),
  'encoded twice': inForm(key).replaceAll('%', '%25'),
  'encoded, all of it': inForm(key),
  'escaped as JSON': inJson(key),
  'escaped as JSON, one letter': key.replace('s', '\\u0073'),
  'escaped as JSON within JSON': key.replace('k', '\\\\u006B'),
  ...Object.fromEntries(
    [...'spk_'].flatMap((one) => [
      [`with an escaped ${one} alone`, key.replace(one, inJson(one))],
      [`with an escaped ${one} in upper case`, key.replace(one, `\\u00${hex(one).toUpperCase()}`)],
      [`with an encoded ${one} alone`, key.replace(one, inForm(one))],
      [`with an encoded ${one} in lower case`, key.replace(one, inForm(one).toLowerCase())],
    ]),
  ),
  'escaped at its end': key.slice(0, -1) + inJson(key.slice(-1)),
};

t.test('finds a key in URL, headers and body, in every spelling', (t) => {
  for (const [name, spelled] of Object.entries(spellings)) {
    for (const around of [spelled, `a${spelled}b`, `{"a":"${spelled}"}`, `x=1&a=${spelled}&b=2`]) {
      t.equal(found({ url: `https://api.example/?a=${around}` }), 'ApiUri', name);
      t.equal(found({ headers: { 'X-A': around } }), 'Headers', name);
      t.equal(found({ headers: { 'X-A': ['b', around] } }), 'Headers', name);
      t.equal(found({ body: Buffer.from(around) }), 'Body', name);
      t.equal(found({ body: Buffer.from(`\xff${'я'.repeat(99)}${around}`) }), 'Body', name);
    }
  }
  for (const user of ['a', 'ab', 'abc']) {
    const encoded = Buffer.from(`${user}:${key}`).toString('base64url');
    t.equal(found({ headers: { 'X-A': `Basic ${encoded}` } }), 'Headers', user);
    t.equal(found({ url: `https://api.example/?a=${encoded}` }), 'ApiUri', user);
  }
  t.equal(found({ url: `https://api.example/${key}/x` }), 'ApiUri');
  t.equal(found({ url: `https://api.example/?a=${inForm(inForm(inForm(key)))}` }), 'ApiUri');
  t.equal(
    found({ url: `https://api.example/?a=%FF%${hex('s')[0]}%3${hex('s')[1]}${key.slice(1)}` }),
    'ApiUri',
  );
  t.end();
});

t.test("finds it in a header's name, in any case, with any sign for _", (t) => {
  for (const name of [
    key,
    key.toLowerCase(),
    `X-${key.toUpperCase()}`,
    key.replace('_', '-'),
    key.replace('_', '%5f'),
  ]) {
    t.equal(found({ headers: { [name]: '1' } }), 'Headers');
  }
  t.end();
});

t.test('finds a key behind the beginning of another one', (t) => {
  for (const decoy of ['spk_', `spk_${'a'.repeat(33)}`, wrong.slice(0, -1)]) {
    for (const spelled of [key, inJson(key), inForm(key)]) {
      t.equal(found({ body: Buffer.from(decoy + spelled) }), 'Body', decoy + spelled);
    }
  }
  t.end();
});

t.test('passes what is no key', (t) => {
  for (const text of [
    '',
    'spk_',
    'spk_orders',
    wrong,
    key.slice(0, -1),
    makeCallerKey('spx_'),
    inJson(wrong),
    inForm(wrong),
    'x-spk_abc',
  ]) {
    t.equal(found({ url: `https://api.example/?a=${text}` }), undefined, text);
    t.equal(found({ headers: { 'X-A': text } }), undefined, text);
    t.equal(found({ body: Buffer.from(text) }), undefined, text);
  }
  t.equal(found({ body: null }), undefined);
  t.equal(
    found({ headers: { 'x-spk-orders': '1', 'X-Very-Long-Name-Of-A-Header': '1' } }),
    undefined,
  );
  t.end();
});

t.test('finds it with any characters escaped in any way', (t) => {
  const way = fc.constantFrom(
    (one: string) => one,
    (one: string) => `\\u00${hex(one)}`,
    (one: string) => `\\\\\\u00${hex(one).toUpperCase()}`,
    (one: string) => `%${hex(one)}`,
    (one: string) => `%2525${hex(one)}`,
  );
  const ways = fc.array(way, { minLength: key.length, maxLength: key.length });
  fc.assert(
    fc.property(ways, fc.string(), fc.string(), (each, before, after) => {
      const text = [...key].map((one, i) => each[i]?.(one) ?? one).join('');
      return found({ body: Buffer.from(before + text + after) }) === 'Body';
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('finds a key in a long body, plain and escaped', async (t) => {
  const key = makeCallerKey('spk_');
  for (const filler of ['-', 'k', '\\', 'spk_', '%']) {
    const before = filler.repeat(100_000);
    for (const spelled of [key, `\\u0073${key.slice(1)}`, `%73${key.slice(1)}`])
      t.equal(holdsKey(Buffer.from(`${before}-${spelled}`)), true, `${filler} ${spelled}`);
    t.equal(holdsKey(Buffer.from(before)), false, filler);
  }
});
