import fc from 'fast-check';
import t from 'tap';
import { longRun } from '../../../secureproxy/automaton/automaton-run.ts';
import { endOfValue as endIn, terminated } from '../../../secureproxy/envelope/json-scan.ts';

const endOfValue = (bytes: Buffer, start: number) => endIn(terminated(bytes), start);

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
        // Bytes far behind the start are read by two.
        const far = `[${' '.repeat(longRun + (place % 2))}${one}]`;
        return isTaken(one) === isJson(one) && isTaken(far) === isJson(far);
      },
    ),
    { numRuns: 5000 },
  );
  t.end();
});

t.test('ends where each value of long JSON ends', (t) => {
  fc.assert(
    fc.property(fc.array(fc.json({ maxDepth: 6 }), { maxLength: 30 }), fc.nat(3), (values, odd) => {
      let text = ' '.repeat(longRun + odd);
      const spans = values.map((value) => {
        const start = Buffer.byteLength(text);
        text += `${value},`;
        return [start, Buffer.byteLength(text) - 1];
      });
      const bytes = Buffer.from(text);
      for (const [start = 0, end] of spans) t.equal(endOfValue(bytes, start), end);
      const all = Buffer.from(`{"a":[${text}0]}]`);
      t.equal(endOfValue(all, 0), all.length - 1);
    }),
    { numRuns: 200 },
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

/** Scans a text, and says how many bytes it read, and whether one of them was behind the last. */
function readsOf(text: string) {
  let reads = 0;
  let isBeyond = false;
  const bytes = terminated(Buffer.from(text));
  const watched = new Proxy(bytes, {
    get(target, name) {
      if (typeof name === 'string' && /^\d+$/.test(name)) {
        reads += 1;
        isBeyond ||= Number(name) >= target.length;
      }
      return Reflect.get(target, name, target);
    },
  });
  try {
    endIn(watched, 0);
  } catch {}
  return { reads, isBeyond };
}

t.test('reads each byte once or twice, and none behind the last', (t) => {
  const shapes = [
    '1e1,',
    '"",',
    '"\\n\\u0061",',
    '[],',
    '{"a":1},',
    '-0.5 ,',
    'true ,',
    ' [ null ]\n,',
  ];
  for (const shape of shapes) {
    const whole = `[${shape.repeat(longRun)}1]`;
    const { reads } = readsOf(whole);
    t.ok(reads > longRun && reads < whole.length * 2, `${shape}: ${reads}`);
    for (let length = 0; length <= shape.length * 3 + 1; length++)
      t.equal(readsOf(whole.slice(0, length)).isBeyond, false, whole.slice(0, length));
  }
  for (const text of [`"${'a'.repeat(999)}`, ' '.repeat(9), '12', '-', '1e', '"\\', '"\\u12', 'tr'])
    t.equal(readsOf(text).isBeyond, false, text);
  t.end();
});

t.test('a zero ends the bytes, without a copy if one follows them', (t) => {
  const memory = new ArrayBuffer(8);
  const bytes = Buffer.from(memory, 2, 4).fill('a');
  const ended = terminated(bytes);
  t.equal(ended.toString('latin1'), 'aaaa\0');
  t.equal(ended.buffer, memory);
  Buffer.from(memory).fill('b', 6);
  t.equal(terminated(bytes).toString('latin1'), 'aaaa\0', "what follows is not the sender's");
  t.equal(Buffer.from(memory).toString('latin1', 6), 'bb', 'and not written to');
  t.equal(terminated(Buffer.from(memory)).length, 9);
  t.equal(terminated(Buffer.alloc(0)).toString('latin1'), '\0');
  t.end();
});
