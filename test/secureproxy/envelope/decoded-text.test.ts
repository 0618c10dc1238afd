import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { decodeText } from '../../../secureproxy/envelope/decoded-text.ts';
import { terminated } from '../../../secureproxy/envelope/json-scan.ts';
import type { ServiceError } from '../../../shared/errors.ts';

const halves = 'not well-formed';
const none = 'no JSON';

/** The text of a JSON string, and where that ended. */
function decoded(json: string) {
  try {
    const { text, end, isWellFormed } = decodeText(terminated(Buffer.from(json)), 0);
    return [isWellFormed ? text.toString() : halves, end];
  } catch (error) {
    if ((error as ServiceError).options?.reason !== 'json') throw error;
    return none;
  }
}

function parsed(json: string) {
  try {
    const text: string = JSON.parse(json);
    return [text.isWellFormed() ? text : halves, Buffer.byteLength(json)];
  } catch {
    return none;
  }
}

t.test('each escape is its character, and nothing else is an escape', async (t) => {
  t.strictSame(decoded('"\\"\\\\\\/\\b\\f\\n\\r\\t"'), ['"\\/\b\f\n\r\t', 18]);
  for (let code = 0; code < 128; code++) {
    const sign = String.fromCharCode(code);
    t.strictSame(decoded(`"a\\${sign}b"`), parsed(`"a\\${sign}b"`), JSON.stringify(sign));
  }
  for (const [json, text] of [
    ['\\u0000', '\0'],
    ['\\u007F', '\x7f'],
    ['\\u0080', '\x80'],
    ['\\u07ff', '\u07ff'],
    ['\\u0800', '\u0800'],
    ['\\ud7ff', '\ud7ff'],
    ['\\uE000', '\ue000'],
    ['\\ufFFf', '\uffff'],
    ['\\ud800\\udc00', '\u{10000}'],
    ['\\uDBFF\\uDFFF', '\u{10ffff}'],
    ['\\u0022\\u005c\\u006e', '"\\n'],
    ['ж\\u0436😀\\ud83d\\ude00', 'жж😀😀'],
  ] as const)
    t.strictSame(decoded(`"${json}"`), [text, Buffer.byteLength(json) + 2], json);
});

t.test('every code unit is encoded as Node encodes it', async (t) => {
  const wrong = Array.from({ length: 0x10000 }, (_, unit) => unit).filter((unit) => {
    const [text] = decoded(`"\\u${unit.toString(16).padStart(4, '0')}"`);
    return text !== ((unit & 0xf800) === 0xd800 ? halves : String.fromCharCode(unit));
  });
  t.same(wrong, []);
});

t.test('half of a pair is told, and JSON behind it is judged', async (t) => {
  for (const json of [
    '\\ud83d',
    '\\ude00',
    '\\ude00\\ud83d',
    '\\ud83d\\ud83d\\ude00',
    '\\ud83d\\ude00\\ude00',
    '\\ude00\\ude00',
    '\\ud83dxude00',
    '\\ud83d\\nde00',
    '\\ud83d\\u0041',
    '\\ud83d\\ue000',
    '\\ud83d\\udbff',
    '\\ud83d😀\\u0416',
  ])
    t.strictSame(decoded(`"${json}"`), [halves, Buffer.byteLength(json) + 2], json);
  for (const json of ['\\ud83d\\ude0', '\\ud83d\\u', '\\ud83d\\x', '\\ud83d\\', '\\ud83d\n'])
    t.equal(decoded(`"${json}"`), none, json);
  for (const json of ['\\u0022\\u002', '\\u0022\\u', '\\u0022\\x', '\\"\\x', '\\u0022\n'])
    t.equal(decoded(`"${json}"`), none, `${json}: a decoded quote ends nothing`);
});

t.test('agrees with JSON.parse on strings with a change anywhere, near and far', async () => {
  const part = fc.constantFrom(
    ...['\\n', '\\"', '\\\\', '\\u0041', '\\u0416', '\\ud83d\\ude00', '\\ud83d', 'abc', 'ж😀'],
    ...['"', '\\', '\\u', '\\x', '\u0000', '\u001f', '\u007f', '\n', 'u', '0', 'g'],
  );
  const whole = fc.constantFrom('\\n', '\\"', '\\/', '\\u0416', '\\ud83d\\ude00', 'abc', 'ж');
  fc.assert(
    fc.property(
      fc.array(whole, { maxLength: 20 }),
      fc.nat(20),
      fc.array(part, { maxLength: 3 }),
      (parts, at, changed) => {
        const text = [...parts.slice(0, at), ...changed, ...parts.slice(at)].join('');
        // Another function judges what follows the string.
        fc.pre(!/^(?:[^"\\]|\\[\s\S])*"/.test(text));
        return ['', 'x'.repeat(300), '\\t'.repeat(300)]
          .map((before) => `"${before}${text}"`)
          .every((json) => isDeepStrictEqual(decoded(json), parsed(json)));
      },
    ),
    { numRuns: 2000 },
  );
});

t.test('decodes in memory of the string, and leaves what is around it', async (t) => {
  const bytes = terminated(Buffer.from('["\\n","\\u0416\\\\","\\n"]'));
  const { text, end } = decodeText(bytes, 6);
  t.equal(text.toString(), 'Ж\\');
  t.equal(text.buffer, bytes.buffer);
  t.equal(text.byteOffset, bytes.byteOffset + 7);
  t.equal(bytes.toString('latin1', 0, 7), '["\\n","');
  t.equal(bytes.toString('latin1', end), ',"\\n"]\0');
});

t.test('reads each byte a few times, and none behind the last', async (t) => {
  const readsOf = (json: string) => {
    let reads = 0;
    let isBeyond = false;
    const watched = new Proxy(terminated(Buffer.from(json)), {
      get(bytes, name) {
        if (typeof name === 'string' && /^\d+$/.test(name)) {
          reads += 1;
          isBeyond ||= Number(name) >= bytes.length;
        }
        const value = Reflect.get(bytes, name, bytes);
        return typeof value === 'function' ? value.bind(bytes) : value;
      },
      set: (bytes, name, value) => Reflect.set(bytes, name, value, bytes),
    });
    try {
      decodeText(watched, 0);
    } catch {}
    return { reads, isBeyond };
  };
  for (const unit of ['\\n', '\\\\', '\\"', 'a\\/', '\\u0416', '\\ud83d\\ude00', '\\ud83d', 'ж']) {
    const json = `"${unit.repeat(1000)}"`;
    t.ok(readsOf(json).reads < Buffer.byteLength(json) * 3, unit);
    for (let length = 1; length <= 30; length++)
      t.equal(readsOf(`"\\n${unit.repeat(9)}`.slice(0, length)).isBeyond, false, unit);
  }
});
