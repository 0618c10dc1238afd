import fc from 'fast-check';
import t from 'tap';
import { MemberFilter } from '../../../secureproxy/scrub/member-filter.ts';
import { NameMatcher } from '../../../secureproxy/scrub/search/name-matcher.ts';
import { someSizes, someWays, spell, split } from './spellings.ts';

const names = ['access_token', 'refresh_token'];
const matcher = new NameMatcher(names);

function redact(text: string | Buffer, sizes: readonly number[] = [], of = matcher) {
  const filter = new MemberFilter(of);
  const pieces = split(Buffer.from(text), sizes).map((piece) => filter.write(piece));
  const out = Buffer.concat([...pieces, filter.end()]).toString();
  return { out, redactions: filter.redactions };
}

const values = ['"made-up"', '""', '1', '-1.5e+3', 'true', 'null', '{}', '[]'];
for (const value of [...values, '{"a":{"b":[1,"x]}"]}}', '["\\"", {"c":"\\\\"}]']) {
  t.test(`replaces a member's value: ${value}`, (t) => {
    for (const [ahead, behind] of [
      ['{', '}'],
      ['{"a":1,', ',"b":"kept"}'],
      ['[{"a":{ ', ' } }, "kept"]'],
    ]) {
      t.strictSame(redact(`${ahead}"access_token" : ${value}${behind}`), {
        out: `${ahead}"access_token" : "[redacted]"${behind}`,
        redactions: 1,
      });
    }
    t.end();
  });
}

t.test('recognizes a name however it is escaped, and no name that merely resembles it', (t) => {
  for (const name of [
    'access\\u005ftoken',
    '\\u0061ccess_token',
    spell('access_token', ['JSON']),
  ]) {
    t.equal(redact(`{"${name}":"made-up"}`).out, `{"${name}":"[redacted]"}`);
  }
  for (const name of ['access_token_expires_in', 'my_access_token', 'Access_token', 'token', '']) {
    t.strictSame(redact(`{"${name}":"kept"}`), { out: `{"${name}":"kept"}`, redactions: 0 });
  }
  t.end();
});

t.test('recognizes a name in JSON within JSON, which stays JSON', (t) => {
  for (const name of ['access_token', '\\u0061ccess_token', 'access\\u005ftoken']) {
    const inner = JSON.stringify(`{"${name}":"made-up"}`);
    const { out } = redact(`{"raw":${inner},"b":1}`);
    t.strictSame(JSON.parse(out), { raw: '{"[redacted]', b: 1 });
    const { out: deep } = redact(JSON.stringify({ raw: `{"raw":${inner}}` }));
    t.notMatch(deep, 'made-up');
    JSON.parse(deep);
  }
  // Without a sign in the name, most backslashes are passed over.
  const inner = JSON.stringify('{"\\u0074oken":"made-up"}');
  const { out } = redact(`{"raw":${inner}}`, [], new NameMatcher(['token']));
  t.strictSame(JSON.parse(out), { raw: '{"[redacted]' });
  t.end();
});

t.test('removes the rest of a JSON string after a name, and nothing else', (t) => {
  for (const [text, out] of [
    ['{"url":"/?a=1&access_token=x","b":2}', '{"url":"/?a=1&[redacted]","b":2}'],
    ['{"raw":"{\\"access_token\\":\\"x\\"}","b":2}', '{"raw":"{\\"[redacted]","b":2}'],
    ['["access_token","x"]', '["[redacted]","x"]'],
    ['{"a":"\\naccess_token=x\\"y"}', '{"a":"\\n[redacted]"}'],
    ['{"see access_token=x":1}', '{"see [redacted]":1}'],
    ['{"a":"access_tokens"}', '{"a":"access_tokens"}'],
  ] as const) {
    t.equal(redact(text).out, out);
  }
  t.end();
});

t.test('removes the rest of a text after a name if it is not JSON', (t) => {
  for (const [text, out] of [
    ['access_token=x&scope=y', '[redacted]'],
    ['scope=y&access%5Ftoken=x', 'scope=y&[redacted]'],
    ['<p>refresh_token: x</p>', '<p>[redacted]'],
    ['callback({"access_token":"x"})', 'callback({"[redacted]'],
    [')]}\',\n{"access_token":"x"}', ')]}\',\n{"[redacted]'],
    ['{access_token:"x"}', '{[redacted]'],
    ["{'access_token':'x'}", "{'[redacted]"],
    ['{"access_token" = "x"}', '{"access_token" [redacted]'],
    ['{"access_token":nope "x"}', '{"access_token":[redacted]'],
    ['["access_token":"x"]', '["[redacted]"[redacted]'],
    ['{"a":1,}access_token=x', '{"a":1,}[redacted]'],
    ['{"access_token":"x",}["x"]', '{"access_token":"[redacted]",[redacted]'],
    ['{"access_token"}["x"]', '{"access_token"[redacted]'],
    ['{"a" "b", "access_token":"x"}', '{"a" "b", "[redacted]'],
    ['{"a":"\n","access_token":"x"}', '{"a":"\n","[redacted]'],
    ['{"access_token":"x\n', '{"access_token":"[redacted]"'],
    ['{"access_token":"x', '{"access_token":"[redacted]"'],
    [`${'['.repeat(600)}{"access_token":"x"}`, `${'['.repeat(600)}{"[redacted]`],
  ] as const) {
    for (const sizes of [[], [1]]) t.equal(redact(text, sizes).out, out);
  }
  t.end();
});

t.test('passes everything else on unchanged', (t) => {
  for (const text of [
    '',
    ' ',
    '\ufeff{"a":1}',
    '{"a":[1,2.50,{"b":null}],"c":"\\u0442\\"\\\\"}\n{"d":true}\n',
    '[',
    '{"a',
    'plain text of a page, with no credential',
    '[error] no such thing',
  ]) {
    t.strictSame(redact(text), { out: text, redactions: 0 });
  }
  const binary = Buffer.from([0x7b, 0, 0xff, 0xfe, 0x5b]);
  const filter = new MemberFilter(matcher);
  t.strictSame(filter.end(binary), binary);
  t.end();
});

/** The value with the named members replaced, as it should be. */
function model(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(model);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, inner]) => [
    name,
    names.includes(name) ? '[redacted]' : model(inner),
  ]);
  return Object.fromEntries(members);
}

const { tree } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'grapheme' }),
  ),
  tree: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 5 })), tie('tree'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
}));

/** JSON in which the names are spelled in these ways. */
function write(value: unknown, ways: Parameters<typeof spell>[1], indent: number): string {
  return JSON.stringify(value, null, indent).replace(
    /"(access_token|refresh_token)"(?=:)/g,
    (_, name) => `"${spell(name, ways)}"`,
  );
}

t.test('redacts any JSON as expected, in any chunks', (t) => {
  const jsonWays = someWays.map((ways) =>
    ways.map((way) => (way === 'JSON' ? 'JSON' : way === 'json' ? 'json' : 'plain')),
  );
  fc.assert(
    fc.property(
      fc.array(tree, { maxLength: 3 }),
      jsonWays,
      fc.constantFrom(0, 1),
      someSizes,
      (value, ways, indent, sizes) => {
        const text = write(value, ways, indent);
        const whole = redact(text);
        // Without a text of its own: what JSON can hold could be read as TAP.
        t.strictSame(JSON.parse(whole.out), model(JSON.parse(text)));
        t.strictSame(redact(text, sizes), whole);
      },
    ),
    { numRuns: 300 },
  );
  t.end();
});

t.test('no value of a named member passes, whatever surrounds it', (t) => {
  const noise = fc.string({ unit: fc.constantFrom(...'{}[]":,\\ \n1tn=&'), maxLength: 12 });
  fc.assert(
    fc.property(noise, noise, someWays, someSizes, (ahead, between, ways, sizes) => {
      // After a backslash the quote is part of the name, which is then another name.
      fc.pre(!ahead.endsWith('\\'));
      const name = spell('access_token', ways);
      for (const member of [`"${name}":"made-up-1"`, `${name}=made-up-1`]) {
        const out = redact(`${ahead}${member}${between}`, sizes).out;
        if (out.includes('made-up-1')) throw new Error(`${ahead}${member} became ${out}`);
      }
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('the amount of output depends on the amount of input alone if nothing is redacted', (t) => {
  const released = (bytes: Buffer, sizes: readonly number[]) => {
    const filter = new MemberFilter(matcher);
    const out = split(bytes, sizes).map((piece) => filter.write(piece).length);
    return { out: out.join(), redactions: filter.redactions };
  };
  fc.assert(
    fc.property(
      fc.json(),
      fc.constantFrom('access_toke', '"refresh_', ''),
      someSizes,
      (json, end, sizes) => {
        const bytes = Buffer.from(json + end);
        const { out, redactions } = released(bytes, sizes);
        if (redactions > 0) return;
        t.equal(out, released(Buffer.alloc(bytes.length, 'x'), sizes).out);
      },
    ),
  );
  t.end();
});
