import { ByteAutomaton, type Rule, type Rules } from './byte-automaton.ts';

export const prefix = 'spk_';

const hex = /[0-9A-Fa-f]/;
/** First hexadecimal digits of the prefix's characters; those of others need no states. */
const highDigits = ['5', '6', '7'];

/** Plain letters behind the prefix at which a run stops, since so many follow few prefixes that begin no key. */
const stopLetters = 12;

/** Rules of a state in which nothing of the prefix came last. */
const anew = plainRules(0);

/**
 * Finds the prefix of an app key, each character plain or escaped once or more (`%73`, `%252573`, `\\\u0073`), and
 * behind it letters or an escape; {@link lettersBefore} says how many letters were before a stop. The states `0` to `3`
 * say how many of its characters came last; what begins as an escape and is none ends them.
 */
export const keyStart = new ByteAutomaton(
  Object.fromEntries(
    Array.from(prefix, (_, begun) => [
      ...Object.entries(rulesBehind(begun)),
      ...Array.from({ length: stopLetters }, (_, count) => lettersRules(count, begun)),
    ]).flat(),
  ),
  Array.from({ length: stopLetters }, (_, count) => stopAfter(count)),
);

const firstStop = keyStart.numberOf(stopAfter(0));

/** Number of plain letters between the prefix and the byte that led to this stop. */
export function lettersBefore(stop: number): number {
  return stop - firstStop;
}

function stopAfter(letters: number): string {
  return `stop.${letters}`;
}

/** The state behind a prefix and so many letters, the last `begun` of which begin another prefix. */
function lettersRules(count: number, begun: number): [string, readonly Rule[]] {
  const isLast = count + 1 === stopLetters;
  const stop = stopAfter(count);
  const letters = followers(begun, (character) =>
    character === '_' ? undefined : new RegExp(character),
  );
  return [
    `letters${count}.${begun}`,
    [
      ...letters.map(
        ([letter, next]): Rule => [letter, isLast ? stop : `letters${count + 1}.${next}`],
      ),
      [/[0-9A-Za-z]/, isLast ? stop : `letters${count + 1}.0`],
      [/[%\\]/, stop],
      ...plainRules(begun),
    ],
  ];
}

/** The states in which `begun` characters came last, and perhaps a part of an escape. */
function rulesBehind(begun: number): Rules {
  const firstDigit: readonly Rule[] = [
    ...highDigits.map((high): Rule => [new RegExp(high), `${begun}.high${high}`]),
    [hex, `${begun}.high`],
    ...anew,
  ];
  const behindHigh = highDigits.map((high): [string, readonly Rule[]] => [
    `${begun}.high${high}`,
    [...followers(begun, (character) => lowDigit(character, high)), [hex, '0'], ...anew],
  ]);
  return {
    [begun]: plainRules(begun),
    [`${begun}.percent`]: [[/2/, `${begun}.percent2`], ...firstDigit],
    [`${begun}.percent2`]: [[/5/, `${begun}.percent`], [hex, '0'], ...anew],
    [`${begun}.backslash`]: [[/\\/, `${begun}.backslash`], [/u/, `${begun}.u`], ...anew],
    [`${begun}.u`]: [[/0/, `${begun}.u0`], ...anew],
    [`${begun}.u0`]: [[/0/, `${begun}.u00`], ...anew],
    [`${begun}.u00`]: firstDigit,
    [`${begun}.high`]: [[hex, '0'], ...anew],
    ...Object.fromEntries(behindHigh),
  };
}

function plainRules(begun: number): readonly Rule[] {
  return [
    ...followers(begun, (character) => new RegExp(character)),
    [/%/, `${begun}.percent`],
    [/\\/, `${begun}.backslash`],
    [/[\s\S]/, '0'],
  ];
}

/** Rules of the characters that go on behind `begun` ones or begin anew; `endOf` says what ends a spelling of one. */
function followers(
  begun: number,
  endOf: (character: string) => RegExp | undefined,
): readonly Rule[] {
  const next = begun + 1 === prefix.length ? 'letters0.0' : `${begun + 1}`;
  return Object.entries({ s: '1', [prefix.charAt(begun)]: next }).flatMap(([character, state]) => {
    const end = endOf(character);
    return end === undefined ? [] : [[end, state] as const];
  });
}

function lowDigit(character: string, high: string): RegExp | undefined {
  const [first, low] = Buffer.from(character).toString('hex');
  return first === high ? new RegExp(`${low}`, 'i') : undefined;
}
