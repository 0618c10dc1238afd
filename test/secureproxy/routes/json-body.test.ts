import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { parseJsonBody, writeJson } from '../../../secureproxy/routes/json-body.ts';

t.test('keeps the spelling of numbers that a double would change', (t) => {
  for (const number of [
    '1.0',
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890123',
    '1e3',
    '1E400',
    '0.10',
    '0.1000000000000000055511151231257827',
    '-0',
    '-0.0',
    '10e-3',
  ]) {
    const text = `{"a":[${number}]}`;
    t.equal(writeJson(parseJsonBody(text)), text, number);
  }
  t.end();
});

t.test('gives plain numbers where nothing is lost', (t) => {
  t.strictSame(parseJsonBody('{"a":1,"b":1.5,"c":-2,"d":"1.0","e":123456789012345}'), {
    a: 1,
    b: 1.5,
    c: -2,
    d: '1.0',
    e: 123456789012345,
  });
  t.end();
});

t.test('gives back any JSON value', (t) => {
  fc.assert(
    fc.property(fc.json(), (text) =>
      isDeepStrictEqual(JSON.parse(writeJson(parseJsonBody(text))), JSON.parse(text)),
    ),
  );
  t.end();
});

t.test('refuses what is not JSON, without a word of it', (t) => {
  const deep = '['.repeat(200_000);
  for (const text of [
    '',
    '{',
    '{"a":secret}',
    "{'a':1}",
    '\ufeff{}',
    '1.',
    '.5',
    '01',
    'NaN',
    '{"a":1}x',
    deep,
    // Deeper than could be written out again.
    deep + ']'.repeat(200_000),
    `${deep}1.0${']'.repeat(200_000)}`,
  ]) {
    try {
      writeJson(parseJsonBody(text));
      t.fail(`taken: ${text.slice(0, 20)}`);
    } catch (error) {
      t.match(error, { code: 'request_invalid' });
      t.notMatch(String(error), 'secret');
    }
  }
  t.end();
});

t.test('makes nothing of members called __proto__', (t) => {
  const parsed = parseJsonBody('{"__proto__":{"polluted":1.0},"a":1.0}') as object;
  t.equal(Object.getPrototypeOf(parsed), Object.prototype);
  t.notOk('polluted' in {});
  t.end();
});
