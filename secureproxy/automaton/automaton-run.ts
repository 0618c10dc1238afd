import type { ByteAutomaton } from './byte-automaton.ts';
import { firstCall, noPairs, pairTablesOf, popAndStep, stepAndPop } from './pair-tables.ts';

/** Bytes behind which a run takes two at once. Tables of pairs take memory, and the first run that uses them makes them. */
export const longRun = 4096;
export const maxDepth = 1000;

/** The states that calls come back to: one for all, since a run that is in a call goes on before another begins. */
const backs = new Uint16Array(maxDepth + 1);
const none: Uint16Array = new Uint16Array();

/** A run of an automaton over bytes, which stops and goes on. */
export class AutomatonRun {
  /** The next byte; after a stop the one that led to it. */
  at: number;
  /** The state before that byte. */
  state: number;
  readonly #automaton: ByteAutomaton;
  readonly #bytes: Uint8Array;
  /** The bytes by two, from the first even address on; none before the run is a long one. */
  #pairs = none;
  #tables = noPairs;
  #depth = 0;

  constructor(automaton: ByteAutomaton, bytes: Uint8Array, at: number, state: number) {
    this.#automaton = automaton;
    this.#bytes = bytes;
    this.at = at;
    this.state = state;
  }

  /** Runs to the next stop, and returns it; undefined if there is none before `end`. */
  toStop(end: number): number | undefined {
    const soon = this.at + longRun;
    if (this.#pairs === none && end > soon) {
      const stop = this.#run(soon);
      if (stop !== undefined) return stop;
      const { buffer, byteOffset, length } = this.#bytes;
      const odd = byteOffset & 1;
      this.#tables = pairTablesOf(this.#automaton);
      this.#pairs = new Uint16Array(buffer, byteOffset + odd, (length - odd) >> 1);
    }
    return this.#run(end);
  }

  #run(end: number): number | undefined {
    const { next, states, called, backs: backOf, pop, tooDeep } = this.#automaton;
    const pairs = this.#pairs;
    const { classes, next: nextOfPair, shift, calls } = this.#tables;
    const bytes = this.#bytes;
    const odd = bytes.byteOffset & 1;
    const endOfPairs = pairs === none ? 0 : (end - odd) >> 1;
    let { at, state } = this;
    let depth = this.#depth;
    let stop: number | undefined;
    let singlesEnd = pairs === none ? end : at + ((at ^ odd) & 1);
    for (;;) {
      for (singlesEnd = Math.min(singlesEnd, end); at < singlesEnd; at++) {
        const to = next[(state << 8) | (bytes[at] as number)] as number;
        if (to < states) state = to;
        else if (to === pop) {
          depth -= 1;
          state = backs[depth] as number;
        } else if (to < pop && depth < maxDepth) {
          backs[depth] = backOf[to - states] as number;
          state = called[to - states] as number;
          depth += 1;
        } else {
          stop = to < pop ? tooDeep : to;
          break;
        }
      }
      if (stop !== undefined || at >= end) break;
      let pair = (at - odd) >> 1;
      let shifted = state << shift;
      for (;;) {
        let to = 0;
        // The loop that counts: most pairs lead to a state.
        while (pair < endOfPairs) {
          to = nextOfPair[shifted + (classes[pairs[pair] as number] as number)] as number;
          if (to >= firstCall) break;
          shifted = to;
          pair += 1;
        }
        if (pair >= endOfPairs) break;
        if (to < stepAndPop) {
          if (depth >= maxDepth - 1) break;
          const call = (to - firstCall) * 4;
          backs[depth] = calls[call + 1] as number;
          backs[depth + 1] = calls[call + 2] as number;
          depth += calls[call + 3] as number;
          shifted = calls[call] as number;
        } else if (to === stepAndPop) {
          depth -= 1;
          shifted = (backs[depth] as number) << shift;
        } else if (to === popAndStep) {
          const back = backs[depth - 1] as number;
          const last = next[(back << 8) | (bytes[pair * 2 + odd + 1] as number)] as number;
          if (last < states) {
            depth -= 1;
            shifted = last << shift;
          } else if (last === pop) {
            depth -= 2;
            shifted = (backs[depth] as number) << shift;
          } else break;
        } else break;
        pair += 1;
      }
      state = shifted >> shift;
      at = pair * 2 + odd;
      singlesEnd = at + 2;
    }
    this.at = at;
    this.state = state;
    this.#depth = depth;
    return stop;
  }
}
