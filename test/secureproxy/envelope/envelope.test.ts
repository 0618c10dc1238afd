import t from 'tap';
import { parseEnvelope } from '../../../secureproxy/envelope/envelope.ts';
import type { SentBody } from '../../../secureproxy/envelope/sent-body.ts';

const parsed = (text: string | Buffer) =>
  parseEnvelope(Buffer.from(text)) as Readonly<Record<string, unknown>>;

const bodyOf = (json: string | Buffer) => {
  const text = Buffer.concat([Buffer.from('{ "A" : [1] , "Body" : '), Buffer.from(json)]);
  return parsed(Buffer.concat([text, Buffer.from(' , "B":{"c":"d"}}')])).Body as SentBody;
};

t.test('a JSON Body keeps its bytes, and the others are parsed', (t) => {
  for (const json of [
    '{"id":9007199254740993,"price":1.0,"rate":1e3,"zero":-0}',
    '[ 1 ,\n"\\u0416\\/", null]',
    '{"a":1,"a":2}',
    '"\\ud800"'.replace(/^(.*)$/, '[$1]'),
    '{"__proto__":{"polluted":1.0}}',
    '0',
    'false',
    '[]',
  ]) {
    t.same(bodyOf(json), { bytes: Buffer.from(json), kind: 'json' }, json);
  }
  t.same(bodyOf('null'), { bytes: Buffer.from('null'), kind: 'null' });
  t.same(parsed('{"A":[1.5,"ж"],"Body":[],"B":{"c":"\\u0416"}}'), {
    A: [1.5, 'ж'],
    Body: { bytes: Buffer.from('[]'), kind: 'json' },
    B: { c: 'Ж' },
  });
  t.same(parsed('{"A":{"Body":[1]}}'), { A: { Body: [1] } }, 'only at the top');
  t.same(parsed('{"\\u0042ody":1.0}').Body, { bytes: Buffer.from('1.0'), kind: 'json' });
  t.end();
});

t.test('a text Body is its text', (t) => {
  for (const [json, text] of [
    ['""', ''],
    ['"a=b&c=Ж😀"', 'a=b&c=Ж😀'],
    ['"{\\"a\\":\\u0031.0}\\\\\\n"', '{"a":1.0}\\\n'],
    ['"\\ud83d\\ude00"', '😀'],
  ] as const) {
    t.same(bodyOf(json), { bytes: Buffer.from(text), kind: 'text' }, json);
  }
  for (const [rest, reason] of [
    ['}', 'not_utf8'],
    [',"A":0,"A":0}', 'duplicate_member'],
    [',}', 'json'],
  ]) {
    t.throws(() => parsed(`{"Body":"\\ud83d"${rest}`), {
      code: 'request_invalid',
      options: { reason },
    });
  }
  t.end();
});

t.test('both bodies are taken out, in any order, and what is around them is parsed', async (t) => {
  const [body, base64, other] = [
    '"Body":"\\n\\u0416"',
    '"BodyB\\u0061se64":"\\/\\u0041+"',
    '"A":"\\n"',
  ];
  const whole = {
    A: '\n',
    Body: { bytes: Buffer.from('\nЖ'), kind: 'text' },
    BodyBase64: '/A+',
  };
  for (const members of [
    [body, base64, other],
    [base64, body, other],
    [other, base64, body],
    [base64, other, body],
  ]) {
    t.same(parsed(`{${members.join(',')}}`), whole);
    t.same(parsed(`\ufeff { ${members.join(' ,\n')} } `), whole);
  }
  t.same(parsed(`{${base64},${other}}`), { A: '\n', BodyBase64: '/A+' });
  t.same(parsed('{"BodyBase64":["\\n"]}'), { BodyBase64: ['\n'] }, 'left to the schema');
  t.throws(() => parsed(`{${base64},${other},${base64}}`), {
    code: 'request_invalid',
    options: { reason: 'duplicate_member' },
  });
});

t.test('a byte order mark is ignored, and bytes that are not UTF-8 are rejected', (t) => {
  t.same(parsed('\ufeff{"A":1}'), { A: 1 });
  for (const text of ['\ufeff\ufeff{"A":1}', '{"A":1}\ufeff', '\ufeff']) {
    t.throws(() => parsed(text), { code: 'request_invalid', options: { reason: 'json' } });
  }
  for (const bytes of [
    Buffer.from('{"Body":"\xff"}', 'latin1'),
    Buffer.from('{"Body":{"a":"caf\xe9"}}', 'latin1'),
    // Overlong, and a surrogate half.
    Buffer.from('{"A":"\xc0\x80"}', 'latin1'),
    Buffer.from('{"A":"\xed\xa0\x80"}', 'latin1'),
    Buffer.from('\ufeff{"A":1}', 'utf16le'),
    Buffer.from('{"A":"\xd0', 'latin1'),
  ]) {
    t.throws(() => parsed(bytes), { code: 'request_invalid', options: { reason: 'not_utf8' } });
  }
  t.end();
});

t.test('no name stands twice, however it is spelled', (t) => {
  for (const text of [
    '{"Body":1,"Body":1}',
    '{"Body":1,"A":2,"B\\u006fdy":3}',
    '{"ClientId":"a","ClientId":"a"}',
    '{"\\u0000":1,"\\u0000":1}',
    '{"":1,"":2}',
  ]) {
    t.throws(() => parsed(text), {
      code: 'request_invalid',
      options: { reason: 'duplicate_member' },
    });
  }
  t.same(Object.keys(parsed('{"A":1,"a":1,"A ":1}')), ['A', 'a', 'A ']);
  t.end();
});

t.test('rejects what is not JSON, without a word of it', (t) => {
  for (const text of [
    '',
    ' ',
    '{',
    '{"a":secret}',
    "{'a':1}",
    '{"a":1}x',
    '{"a":1}}',
    '{"a" 1}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a":1 "b":2}',
    '{"a":1',
    '{"a"',
    '[1] 2',
    '{"Body":[1,]}',
    '{"Body":01}',
    '{"Body":"a\nb"}',
    `{"Body":${'['.repeat(200_000)}}`,
  ]) {
    try {
      parsed(text);
      t.fail(`taken: ${text.slice(0, 20)}`);
    } catch (error) {
      t.match(error, { code: 'request_invalid', options: { reason: 'json' } }, text.slice(0, 20));
      t.notMatch(String(error), 'secret');
    }
  }
  for (const text of ['[]', ' "a" ', 'null', '1.5', '{}', '{ }']) {
    t.same(parsed(text), JSON.parse(text), 'left to the schema');
  }
  t.equal(Object.getPrototypeOf(parsed('{"__proto__":{"a":1}}')), Object.prototype);
  t.end();
});

t.test('Headers has at most 200 values and 64 KiB', (t) => {
  const named = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, 'a']));
  const withHeaders = (headers: unknown) => parsed(JSON.stringify({ Headers: headers }));
  const longest = 'x'.repeat(64 * 1024 - '{"a":""}'.length);
  for (const headers of [
    named(200),
    { a: Array(200).fill('b') },
    { ...named(100), a: Array(100).fill('b') },
    { a: longest },
    // Left to the schema.
    'x'.repeat(201),
    null,
    1,
  ]) {
    t.same(withHeaders(headers), { Headers: headers });
  }
  for (const headers of [
    named(201),
    { a: Array(201).fill('b') },
    { ...named(100), a: Array(101).fill('b') },
    Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`x-${i}`, []])),
    { a: `${longest}x` },
    longest.repeat(2),
  ]) {
    t.throws(() => withHeaders(headers), {
      code: 'request_invalid',
      options: { reason: 'headers_limit' },
    });
  }
  t.end();
});

t.test('members that are not bodies are small', (t) => {
  const fits = 'x'.repeat(400_000);
  const large = 'x'.repeat(600_000);
  for (const members of [
    { A: fits, Body: large },
    { BodyBase64: large, Body: [large], A: fits },
  ]) {
    t.same(Object.keys(parsed(JSON.stringify(members))), Object.keys(members));
  }
  for (const members of [
    { A: large },
    { A: fits, Body: large, B: fits },
    { [large]: 1 },
    { BodyBase64: [large] },
    [large],
    large,
  ]) {
    t.throws(() => parsed(JSON.stringify(members)), {
      code: 'request_invalid',
      options: { reason: 'members_limit' },
    });
  }
  t.throws(
    () => parsed(`{"Body":"","${large}"!`),
    { code: 'request_invalid', options: { reason: 'members_limit' } },
    'nor is a long name',
  );
  for (const [name, reason] of [
    ['A', 'members_limit'],
    ['Headers', 'headers_limit'],
  ]) {
    for (const items of ['"a":"b",', '"a":[1],', '"a":{"b":[]},'])
      t.throws(
        () => parsed(`{"${name}":{${items.repeat(600_000 / items.length)}!`),
        { code: 'request_invalid', options: { reason } },
        'the rest is not read',
      );
  }
  t.end();
});
