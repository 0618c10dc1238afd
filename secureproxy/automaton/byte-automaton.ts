/** Number of different bytes. */
export const bytes = 256;

/**
 * The action of a state on bytes (latin1): it goes to the state `next`, or stops there if that is a stop. With `back` it
 * is called as a function is: `pop` leads to the state `back` later.
 */
export type Rule = readonly [bytes: RegExp, next: string, back?: string];
/** The rules of each state, of which the first with the byte counts. */
export type Rules = Readonly<Record<string, readonly Rule[]>>;

/**
 * A pushdown automaton over bytes. A look-up for each byte, or each two, takes the same time for any input, since
 * there are no branches that could be predicted wrongly.
 */
export class ByteAutomaton {
  readonly states: number;
  /** The states that calls go to, and those that they come back to. */
  readonly called: Uint16Array;
  readonly backs: Uint16Array;
  /** By state and byte the next state, or from `states` on a call, then `pop`, then stops. */
  readonly next: Uint16Array;
  readonly pop: number;
  /** The stop of a run at a call that is one too many. */
  readonly tooDeep: number;
  readonly #numbers: ReadonlyMap<string, number>;

  /** @param stops what ends a run, besides `rejected`, a byte without a rule */
  constructor(rules: Rules, stops: readonly string[]) {
    const names = Object.keys(rules);
    this.states = names.length;
    const calls = new Map(
      Object.values(rules)
        .flat()
        .filter(([, , back]) => back !== undefined)
        .map((rule) => [nameOf(rule), rule]),
    );
    const ends = [...calls.keys(), 'pop', 'rejected', 'too_deep', ...stops];
    this.#numbers = new Map([...names, ...ends].map((name, number) => [name, number]));
    this.pop = this.numberOf('pop');
    this.tooDeep = this.numberOf('too_deep');
    this.called = Uint16Array.from(calls.values(), ([, next]) => this.numberOf(next));
    this.backs = Uint16Array.from(calls.values(), ([, , back = '']) => this.numberOf(back));
    this.next = new Uint16Array(this.states * bytes).fill(this.numberOf('rejected'));
    for (const [state, name] of names.entries()) {
      for (const rule of (rules[name] ?? []).toReversed()) {
        const next = this.numberOf(nameOf(rule));
        for (const { index } of everyByte.matchAll(new RegExp(rule[0], `${rule[0].flags}g`)))
          this.next[state * bytes + index] = next;
      }
    }
  }

  numberOf(name: string): number {
    const number = this.#numbers.get(name);
    if (number === undefined) throw new TypeError(`the automaton has no ${name}`);
    return number;
  }
}

const everyByte = String.fromCharCode(...Array(bytes).keys());

function nameOf([, next, back]: Rule): string {
  return back === undefined ? next : `${next} ${back}`;
}
