import fc from 'fast-check';
import t from 'tap';
import { KeyedBody, searchFor } from '../../../secureproxy/body-keys/keyed-body.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../../shared/errors.ts';

const key = makeCallerKey('spk_');
const other = makeCallerKey('spk_');
const json = 'application/json';
const form = 'application/x-www-form-urlencoded';

function placesIn(type: string, body: string | Buffer) {
  const search = searchFor(type);
  if (search === undefined) throw new Error(`${type} is not searched`);
  return search(Buffer.from(body));
}

const keysIn = (type: string, body: string | Buffer) =>
  placesIn(type, body).flatMap(({ keys }) => keys);

function left(type: string, body: string, ...members: string[]): string {
  return new KeyedBody(Buffer.from(body), placesIn(type, body)).without(members).toString();
}

function refusal(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error instanceof ServiceError ? (error.options.reason ?? error.code) : error;
  }
}

t.test('JSON and urlencoded forms are searched, by their types', (t) => {
  for (const type of [
    json,
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json ;charset="UTF-8" ',
    'application/vnd.api+json',
    form,
    `${form};charset=utf-8`,
    `${form} ; charset="utf-8" `,
  ]) {
    t.type(searchFor(type), 'function', type);
  }
  for (const type of [
    '',
    'text/plain',
    'text/json',
    'application/jsonp',
    'x/application/json',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/+json',
    'multipart/form-data; boundary=a',
    'application/x-www-form-urlencoded2',
    `x-${form}`,
    `${form}; charset=koi8-r`,
  ]) {
    t.equal(searchFor(type), undefined, type);
  }
  t.end();
});

t.test('finds keys in strings of JSON, as headers may have them', (t) => {
  const escaped = `\\u0073pk\\u005F${key.slice(4)}`;
  for (const text of [
    `{"a":"${key}"}`,
    `{"a":"Bearer ${key}"}`,
    `{"a":"${escaped}"}`,
    `{"a":"%73pk_${key.slice(4)}"}`,
    `{"a":"\\u002573pk_${key.slice(4)}"}`,
    `{"a":"${Buffer.from(`${key}:`).toString('base64')}"}`,
    ` [ 1 , { "a" : [ "${key}" ] } ] `,
    `"${key}"`,
    `{"a":"{\\"token\\":\\"${key}\\"}"}`,
    `{"a":true,"b":"${key}","c":null,"d":-1.5e3}`,
  ]) {
    t.strictSame([...new Set(keysIn(json, text))], [key], text);
  }
  t.strictSame(keysIn(json, `{"a":"${key}","b":"${other}"}`), [key, other]);
  t.strictSame(keysIn(json, `{"a":"${key.slice(0, -1)}"}`), [key.slice(0, -1)]);
  t.strictSame(keysIn(json, `{"${key}":1,"a":"keys"}`), [], 'names are not searched');
  t.strictSame(keysIn(json, '{}'), []);
  t.strictSame(keysIn(json, '[]'), []);
  t.strictSame(keysIn(json, `{"a":"spk_${'a'.repeat(20)}"}`), [`spk_${'a'.repeat(20)}`]);
  t.end();
});

t.test('what is not JSON as a whole has no keys', (t) => {
  for (const text of [
    '',
    `{"a":"${key}"`,
    `{"a":"${key}",}`,
    `{"a":"${key}"} x`,
    `{"a" "${key}"}`,
    `["${key}"}`,
    `{a:"${key}"}`,
    `${'['.repeat(101)}"${key}"${']'.repeat(101)}`,
    `${'['.repeat(60_000)}`,
    Buffer.from(`{"a":"${key}\xff"}`, 'latin1'),
  ]) {
    t.strictSame(keysIn(json, text), []);
  }
  const deepest = `${'['.repeat(100)}"${key}"${']'.repeat(100)}`;
  t.strictSame(keysIn(json, deepest), [key]);
  t.end();
});

t.test('finds keys in values of forms, decoded', (t) => {
  for (const text of [
    `a=${key}`,
    `a=b&token=${key}`,
    `token=%73pk_${key.slice(4)}`,
    `token=%2573pk%5F${key.slice(4)}`,
    `token=Bearer+${key}`,
    `token=${Buffer.from(`${key}:`).toString('base64').replaceAll('=', '%3D')}`,
    `params=%7B%22token%22%3A%22${key}%22%7D`,
    `=${key}`,
    `?a=${key}`,
    `a=1;b=${key}`,
    `&&a=${key}&&`,
  ]) {
    t.strictSame([...new Set(keysIn(form, text))], [key], text);
  }
  t.strictSame(keysIn(form, `${key}=1&${key}`), [], 'names are not searched');
  t.strictSame(keysIn(form, ''), []);
  t.end();
});

t.test('the member is removed, and every other byte stays', (t) => {
  for (const [before, after] of [
    [`{"k":"${key}"}`, '{}'],
    [`{ "k" : "${key}" }`, '{  }'],
    [`{"k":"${key}", "a":1.0}`, '{"a":1.0}'],
    [`{"a":1e2 ,  "k":"${key}" }`, '{"a":1e2 }'],
    [`{"a":1, "k":"${key}", "b":[ ]}`, '{"a":1, "b":[ ]}'],
    [`{"k":"${key}","k":"Bearer ${key}"}`, '{}'],
    [`{"a":"é","k":"${key}","k":"${key}"}`, '{"a":"é"}'],
    [`{"k":"${key}","a":1,"k":"${key}"}`, '{"a":1}'],
    [`{"k":"${key}","k":"x"}`, '{"k":"x"}'],
    [`{"\\u006b":"${key}","a":12345678901234567890}`, '{"a":12345678901234567890}'],
    [`{"auth":{"token":"${key}"},"a":1}`, '{"auth":{},"a":1}'],
    [`{"k":"${key}","auth":{"x":1,"token":"${key}"}}`, '{"auth":{"x":1}}'],
    [`{"auth":{"x":1,"token":"${key}"},"k":"${key}"}`, '{"auth":{"x":1}}'],
    [`{"auth.token":"${key}"}`, '{}'],
    [`{"${'a'.repeat(256)}":"${key}"}`, '{}'],
  ] as const) {
    t.equal(left(json, before, 'k', 'auth.token', 'a'.repeat(256)), after, before);
  }
  for (const [before, after] of [
    [`k=${key}`, ''],
    [`k=${key}&a=%20+b`, 'a=%20+b'],
    [`a=1&k=${key}`, 'a=1'],
    [`a=1&k=${key}&b`, 'a=1&b'],
    [`a=1&k=${key}&`, 'a=1&'],
    [`k=${key}&k=${key}`, ''],
    [`a=é&k=${key}&k=${key}&k=x`, 'a=é&k=x'],
    [`auth%5Btoken%5D=${key}&a=1`, 'a=1'],
  ] as const) {
    t.equal(left(form, before, 'k', 'auth[token]'), after, before);
  }
  t.end();
});

t.test('a key in another member is refused, wherever else it stands', (t) => {
  for (const body of [
    `{"other":"${key}"}`,
    `{"k":"${key}","other":"${key}"}`,
    `{"K":"${key}"}`,
    `{"a":{"k":"${key}"}}`,
    `{"":{"k":"${key}"}}`,
    `[{"k":"${key}"}]`,
    `{"a":[{"k":"${key}"}]}`,
    `{"k":["${key}"]}`,
    `{"k":{"a":"${key}"}}`,
    `["${key}"]`,
    `"${key}"`,
    `{"${'a'.repeat(257)}":"${key}"}`,
    `{"${'a'.repeat(257)}":{"k":"${key}"}}`,
    // Only what is left is searched for names with keys.
    `{"k":"${key}","${key}":1}`,
    `{"k":"${key}","\\u0073pk_${key.slice(4)}":1}`,
    `{"k":"${key}","${other}":1}`,
  ]) {
    t.equal(
      refusal(() => left(json, body, 'k', 'a'.repeat(257))),
      'app_key_misplaced',
      body,
    );
    t.equal(
      refusal(() => left(json, body)),
      'app_key_misplaced',
    );
  }
  for (const body of [
    `other=${key}`,
    `K=${key}`,
    `=${key}`,
    `a=1;k=${key}`,
    `?k=${key}`,
    `k=${key}&${key}=1`,
    `k=${key}&%73pk_${key.slice(4)}=1`,
  ]) {
    t.equal(
      refusal(() => left(form, body, 'k')),
      'app_key_misplaced',
      body,
    );
  }
  t.end();
});

t.test('whichever members have the key, the others are left', (t) => {
  const values = fc.array(fc.oneof(fc.jsonValue(), fc.constant(key), fc.constant(key)), {
    minLength: 1,
  });
  const indent = fc.constantFrom(undefined, 1, '\t');
  fc.assert(
    fc.property(values, indent, (members, space) => {
      // One more has it, so that it is found.
      const all = [...members, key].map((value, at) => [`m${at}`, value] as const);
      const rest = all.filter(([, value]) => value !== key);
      const names = all.map(([name]) => name);
      const text = JSON.stringify({ v: Object.fromEntries(all) }, undefined, space);
      const jsonLeft = left(json, text, ...names.map((name) => `v.${name}`));
      t.strictSame(
        JSON.parse(jsonLeft),
        JSON.parse(JSON.stringify({ v: Object.fromEntries(rest) })),
      );
      const pairs = (list: typeof all) =>
        list
          .map(
            ([name, value]) =>
              `${name}=${encodeURIComponent(value === key ? key : JSON.stringify(value))}`,
          )
          .join('&');
      t.equal(left(form, pairs(all), ...names), pairs(rest));
    }),
  );
  t.end();
});
