import fc from 'fast-check';
import t from 'tap';
import { AutomatonRun, longRun, maxDepth } from '../../../secureproxy/automaton/automaton-run.ts';
import { ByteAutomaton, type Rule } from '../../../secureproxy/automaton/byte-automaton.ts';
import { pairTablesOf } from '../../../secureproxy/automaton/pair-tables.ts';

/** Words of letters, within brackets of two kinds that close as they open; `!` is a stop. */
const words = new ByteAutomaton(
  {
    top: [
      [/\(/, 'round', 'top'],
      [/</, 'angled', 'word'],
      [/[a-z]/, 'word'],
    ],
    word: [
      [/[a-z]/, 'word'],
      [/ /, 'top'],
      [/!/, 'called'],
    ],
    round: [
      [/\)/, 'pop'],
      [/\(/, 'round', 'round'],
      [/</, 'angled', 'round'],
      [/[a-z ]/, 'round'],
      [/!/, 'called'],
    ],
    angled: [
      [/>/, 'pop'],
      [/\(/, 'round', 'angled'],
      [/</, 'angled', 'angled'],
      [/[a-z]/, 'angled'],
    ],
  },
  ['called'],
);

function byteOf(code: number): RegExp {
  return new RegExp(`\\x${code.toString(16).padStart(2, '0')}`);
}

/** The stops of a run, with their kinds and states, if it is asked to run this far each time. */
function runs(bytes: Uint8Array, stride: number) {
  const run = new AutomatonRun(words, bytes, 0, words.numberOf('top'));
  const stops: object[] = [];
  for (let end = stride; run.at < bytes.length; end = run.at + stride) {
    const stop = run.toStop(Math.min(end, bytes.length));
    if (stop === undefined) continue;
    stops.push({ at: run.at, state: run.state, stop });
    run.at += 1;
  }
  return [...stops, run.state];
}

t.test('two bytes at once lead where one after the other does', (t) => {
  const texts = fc.array(fc.constantFrom(...'()<>a !(<', 'word', '()', '<>', '((', '>>', 'x '), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(texts, fc.nat(9), (parts, shift) => {
      // Words at first, since runs begin byte by byte.
      const text = Buffer.from(`${' '.repeat(shift)}${'w '.repeat(longRun / 2)}${parts.join('')}`);
      t.strictSame(runs(text.subarray(shift), text.length), runs(text.subarray(shift), 1));
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('stops at a byte without a rule, and at a call that is one too many', (t) => {
  const stopOf = (text: string) => {
    const bytes = Buffer.from(text);
    const run = new AutomatonRun(words, bytes, 0, words.numberOf('top'));
    return [run.toStop(bytes.length), run.at];
  };
  const long = 'w '.repeat(longRun / 2);
  for (const before of ['', long, `${long}w `, ` ${long}`.slice(1)]) {
    for (const odd of ['', 'w ']) {
      const start = before + odd;
      t.strictSame(stopOf(`${start}#`), [words.numberOf('rejected'), start.length]);
      for (const call of ['(', '<', '(w', '<w']) {
        const most = start + call.repeat(maxDepth);
        t.strictSame(stopOf(most), [undefined, most.length]);
        t.strictSame(stopOf(`${most}()`), [words.tooDeep, most.length]);
        t.strictSame(stopOf(`${most}ww((`), [words.tooDeep, most.length + 2]);
      }
    }
  }
  t.end();
});

t.test('has no tables of pairs with more states than their numbers can tell', (t) => {
  // From each state a byte leads to the state of its number: with the rejected ones, a class of pairs more than states.
  const ofStates = (count: number) => {
    const names = Array.from({ length: count }, (_, at) => `${at}`);
    const rules = names.map((name, at): Rule => [byteOf(at), name]);
    return new ByteAutomaton(Object.fromEntries(names.map((name) => [name, rules])), []);
  };
  t.doesNotThrow(() => pairTablesOf(ofStates(128)));
  t.throws(() => pairTablesOf(ofStates(129)), TypeError);
  t.end();
});

t.test('has no name that no rule tells of', (t) => {
  t.throws(() => new ByteAutomaton({ a: [[/a/, 'b']] }, []), TypeError);
  t.end();
});
