import { memoize } from '../../shared/memoize.ts';
import { type ByteAutomaton, bytes } from './byte-automaton.ts';

/** From here on, what a pair leads to is no state: the calls, and then what follows. */
export const firstCall = 0x8000;
/** A step, and the end of a call. */
export const stepAndPop = 0xfffd;
/** The end of a call, and a step from the state that it comes back to. */
export const popAndStep = 0xfffe;
/** Entry of a pair that must be taken byte by byte. */
const noPair = 0xffff;

export interface PairTables {
  /** The class of a pair, by the 16-bit number that its bytes are in memory. */
  readonly classes: Uint16Array;
  /** By state and class. States are multiples of 2 ** `shift` here. */
  readonly next: Uint16Array;
  readonly shift: number;
  /**
   * Each call has four numbers: the state that it leads to, the state that it comes back to, that of a second call, and
   * the number of calls (0 if it ended at once). They are in one array, since a processor has few registers.
   */
  readonly calls: Uint16Array;
}

export const noPairs: PairTables = {
  classes: new Uint16Array(),
  next: new Uint16Array(),
  shift: 0,
  calls: new Uint16Array(),
};

/** Made when first used, since short inputs do without. */
export const pairTablesOf = memoize((automaton: ByteAutomaton): PairTables => {
  const { states, next } = automaton;
  const single = classesOf(states, bytes, (state, byte) => next[state * bytes + byte] as number);
  const { members } = single;
  const calls = new Calls();
  const double = classesOf(states, members.length ** 2, (state, pair) => {
    const first = members[Math.floor(pair / members.length)] as number;
    return afterPair(automaton, calls, state, first, members[pair % members.length] as number);
  });
  const shift = Math.ceil(Math.log2(double.columns.length));
  if (states << shift > firstCall) throw new TypeError('the automaton has too many states');
  const table = new Uint16Array(states << shift);
  for (const [index, column] of double.columns.entries()) {
    for (const [state, last] of column.entries())
      table[(state << shift) + index] = last < firstCall ? last << shift : last;
  }
  const classes = new Uint16Array(bytes * bytes);
  const pair = new Uint8Array(2);
  const asNumber = new Uint16Array(pair.buffer);
  for (let first = 0; first < bytes; first++) {
    const row = (single.of[first] as number) * members.length;
    pair[0] = first;
    for (let second = 0; second < bytes; second++) {
      pair[1] = second;
      classes[asNumber[0] as number] = double.of[row + (single.of[second] as number)] as number;
    }
  }
  const call = ([called, backs]: Calls['made'][number]) => {
    const [back = 0, second = 0] = backs;
    return [called << shift, back, second, backs.length];
  };
  return { classes, next: table, shift, calls: Uint16Array.from(calls.made.flatMap(call)) };
});

function afterPair(
  { states, next, called, backs, pop }: ByteAutomaton,
  calls: Calls,
  state: number,
  first: number,
  second: number,
): number {
  const middle = next[state * bytes + first] as number;
  if (middle === pop) return popAndStep;
  if (middle > pop) return noPair;
  const isCall = middle >= states;
  const from = isCall ? (called[middle - states] as number) : middle;
  const last = next[from * bytes + second] as number;
  const outer = isCall ? [backs[middle - states] as number] : [];
  if (last < states) return isCall ? calls.numberOf(last, outer) : last;
  if (last === pop) return isCall ? calls.numberOf(outer[0] as number, []) : stepAndPop;
  if (last > pop) return noPair;
  return calls.numberOf(called[last - states] as number, [
    ...outer,
    backs[last - states] as number,
  ]);
}

/** The calls that pairs make, a number each. */
class Calls {
  readonly made: (readonly [called: number, backs: readonly number[]])[] = [];
  readonly #known = new Map<string, number>();

  numberOf(called: number, backs: readonly number[]): number {
    const key = [called, ...backs].join();
    const number = this.#known.get(key) ?? firstCall + this.made.length;
    if (!this.#known.has(key)) this.made.push([called, backs]);
    this.#known.set(key, number);
    return number;
  }
}

/** Puts inputs that have the same column, one number for each state, into one class. */
function classesOf(
  states: number,
  inputs: number,
  numberOf: (state: number, input: number) => number,
) {
  const known = new Map<string, number>();
  const columns: Uint16Array[] = [];
  const members: number[] = [];
  const of = Array.from({ length: inputs }, (_, input) => {
    const column = Uint16Array.from({ length: states }, (_, state) => numberOf(state, input));
    const key = String.fromCharCode(...column);
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, members.length);
    columns.push(column);
    return members.push(input) - 1;
  });
  return { of, members, columns };
}
