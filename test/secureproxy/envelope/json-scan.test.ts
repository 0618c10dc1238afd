import fc from 'fast-check';
import t from 'tap';
import { endOfValue } from '../../../secureproxy/envelope/json-scan.ts';

/** True if the scanner takes the whole text as one value. */
function isTaken(text: string): boolean {
  const bytes = Buffer.from(text);
  try {
    return endOfValue(bytes, 0) === bytes.length;
  } catch {
    return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

t.test('ends where the value ends, whatever follows', (t) => {
  for (const value of [
    '0',
    '-1.5e+3',
    '""',
    '"\\"}"',
    '[]',
    '{}',
    '[[{"a":[]}]]',
    'true',
    'null',
  ]) {
    for (const rest of ['', ',1', '}', ']', ' ', ':']) {
      t.equal(endOfValue(Buffer.from(`x${value}${rest}`), 1), 1 + value.length, value + rest);
    }
  }
  t.end();
});

t.test('takes and rejects what JSON.parse does', (t) => {
  for (const text of [
    '1.0',
    '1E400',
    '-0',
    '01',
    '-',
    '+1',
    '1.',
    '.5',
    '1e',
    '1e+',
    'NaN',
    'tru',
    'trues',
    'nul',
    'fals',
    'falsy',
    '"a',
    '"\t"',
    '"\\x"',
    '"\\u12g4"',
    '"\\u12',
    '"\\ud800"',
    "'a'",
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1}',
    '{"a":1]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '{1:1}',
    '[',
    '{',
    ']',
    '',
    ',',
    '[\n1\t,\r{ "a" : [ ] } ]',
    '[\f1]',
    '[\u00a01]',
    '"\u007fж😀"',
  ]) {
    t.equal(isTaken(text), isJson(text), JSON.stringify(text));
  }
  t.end();
});

t.test('agrees with JSON.parse on JSON with a change anywhere', (t) => {
  const signs = fc.constantFrom(...'{}[],:"\\ \n-+.eE0123456789truefalsn\u0000\u001fж');
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom(0, 1),
      fc.array(signs, { maxLength: 2 }),
      (text, place, removed, added) => {
        const at = place % (text.length + 1);
        const changed = text.slice(0, at) + added.join('') + text.slice(at + removed);
        // Half a surrogate pair, and blanks around a value, are not the scanner's.
        const one = changed.toWellFormed().trim();
        return isTaken(one) === isJson(one);
      },
    ),
    { numRuns: 5000 },
  );
  t.end();
});

t.test('nesting has a limit, which costs no stack', (t) => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  t.equal(isTaken(nested(1000)), true);
  t.equal(isTaken(`{"a":${nested(999)}}`), true);
  for (const text of [nested(1001), nested(1_000_000), '{"a":'.repeat(1_000_000)]) {
    t.throws(() => endOfValue(Buffer.from(text), 0), { code: 'request_invalid' });
  }
  t.equal(isTaken(nested(1000)), true, 'afterwards as before');
  t.end();
});

t.test('long strings end where they end, wherever they begin', (t) => {
  const ends = ['"', '\\"', '\\n"', '\n"', '\u001f"', '\u007f"', 'ж"', '\\u00e9"', '\\x"', ''];
  for (let length = 250; length < 275; length++) {
    for (const end of ends) {
      const text = `"${'x'.repeat(length)}${end}`;
      const shifted = Buffer.from(`${'  '.repeat(length % 3)} ${text}`);
      const bytes = shifted.subarray(shifted.length - Buffer.byteLength(text));
      const isWhole = () => endOfValue(bytes, 0) === bytes.length;
      if (isJson(text)) t.ok(isWhole(), text);
      else t.throws(isWhole, { code: 'request_invalid' }, text);
    }
  }
  const long = 'ы'.repeat(1000);
  for (const text of [
    `["${long}\\""]`,
    `["${long}\\\\""]`,
    `["${long}", "${'\\n'.repeat(999)}"]`,
  ]) {
    t.equal(isTaken(text), isJson(text));
  }
  t.end();
});
