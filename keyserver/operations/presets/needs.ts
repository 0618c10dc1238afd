import type { Need } from '../../presets/preset.ts';
import type { Suggestion } from '../suggestion.ts';

/** A choice of the operator that can meet a need. */
type Help = 'renewedElsewhere' | 'injection';

interface NeedRow {
  /** Why this version cannot serve it by itself, as the end of a sentence. */
  readonly text: string;
  /** The choice that meets it, as far as the operator answers for the rest; undefined: none does. */
  readonly metBy?: Help;
  /** The same as the end of a sentence, if nothing is left to answer for. */
  readonly served?: string;
  readonly suggestion: Suggestion;
}

/** Features that this version lacks, first those that no option makes up for. */
export const needTable: Readonly<Record<Need, NeedRow>> = {
  cookies: {
    text: 'calls are repeated with a cookie, and no cookies are kept here',
    suggestion: 'call it directly, with a token of its own',
  },
  signing: {
    text: 'each call is signed, which is not possible here yet',
    metBy: 'injection',
    suggestion: { do: 'give_injection' },
  },
  body: {
    text: 'the token stands in the body of a call, where none is put yet',
    metBy: 'injection',
    suggestion: { do: 'give_injection' },
  },
  injection: {
    text: 'it does not say which header or parameter carries the token',
    metBy: 'injection',
    served: 'with a header or parameter of yours',
    suggestion: { do: 'give_injection' },
  },
  renewal: {
    text: 'its access tokens expire, and nothing here renews them yet',
    metBy: 'renewedElsewhere',
    served: 'if renewed elsewhere',
    suggestion: { do: 'accept_renewal' },
  },
};

/** The first of the needs that remains unmet by what is given. */
export function unmetNeed(
  needs: readonly Need[],
  given: Readonly<Partial<Record<Help, unknown>>>,
): Need | undefined {
  const order = Object.keys(needTable) as Need[];
  return order.find((need) => {
    const { metBy } = needTable[need];
    return needs.includes(need) && (metBy === undefined || !given[metBy]);
  });
}

/** How a need is served, or that it is not: `served if renewed elsewhere: its access tokens expire, …`. */
export function describeNeed(need: Need): string {
  const { text, served } = needTable[need];
  return `${served === undefined ? 'cannot be served yet' : `served ${served}`}: ${text}`;
}
