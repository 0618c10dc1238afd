import { ByteAutomaton, type Rules } from '../automaton/byte-automaton.ts';

/** Places of a value, after which different signs may stand. */
export type Place = 'top' | 'array' | 'object';

const blank = /[ \t\n\r]/;
const digit = /\d/;
const hex = /[0-9A-Fa-f]/;
// Above ASCII are parts of UTF-8, which is checked elsewhere.
// biome-ignore lint/suspicious/noControlCharactersInRegex: those must be escaped (RFC 8259 §7)
const plain = /[^\x00-\x1f]/;

/** A string, at whose end comes `after`. */
function stringRules(name: string, after: string): Rules {
  return {
    [name]: [
      [/"/, after],
      [/\\/, `${name}.escape`],
      [plain, name],
    ],
    [`${name}.escape`]: [
      [/["\\/bfnrt]/, name],
      [/u/, `${name}.hex4`],
    ],
    [`${name}.hex4`]: [[hex, `${name}.hex3`]],
    [`${name}.hex3`]: [[hex, `${name}.hex2`]],
    [`${name}.hex2`]: [[hex, `${name}.hex1`]],
    [`${name}.hex1`]: [[hex, name]],
  };
}

/** A value (RFC 8259 §3), behind which `after` rules. */
function valueRules(place: Place, after: Rules[string]): Rules {
  const end = `${place}.after`;
  const exponent = [/[eE]/, `${place}.e`] as const;
  return {
    [`${place}.value`]: [
      ...(place === 'top' ? [] : [[blank, `${place}.value`] as const]),
      [/"/, `${place}.string`],
      [/\[/, 'array.first', end],
      [/\{/, 'object.first', end],
      [/-/, `${place}.minus`],
      [/0/, `${place}.zero`],
      [/[1-9]/, `${place}.digits`],
      [/t/, `${place}.t`],
      [/f/, `${place}.f`],
      [/n/, `${place}.n`],
    ],
    ...stringRules(`${place}.string`, end),
    [`${place}.minus`]: [
      [/0/, `${place}.zero`],
      [/[1-9]/, `${place}.digits`],
    ],
    [`${place}.zero`]: [[/\./, `${place}.point`], exponent, ...after],
    [`${place}.digits`]: [[digit, `${place}.digits`], [/\./, `${place}.point`], exponent, ...after],
    [`${place}.point`]: [[digit, `${place}.fraction`]],
    [`${place}.fraction`]: [[digit, `${place}.fraction`], exponent, ...after],
    [`${place}.e`]: [
      [/[+-]/, `${place}.sign`],
      [digit, `${place}.exponent`],
    ],
    [`${place}.sign`]: [[digit, `${place}.exponent`]],
    [`${place}.exponent`]: [[digit, `${place}.exponent`], ...after],
    [`${place}.t`]: [[/r/, `${place}.tr`]],
    [`${place}.tr`]: [[/u/, `${place}.last`]],
    [`${place}.f`]: [[/a/, `${place}.fa`]],
    [`${place}.fa`]: [[/l/, `${place}.fal`]],
    [`${place}.fal`]: [[/s/, `${place}.last`]],
    [`${place}.last`]: [[/e/, end]],
    [`${place}.n`]: [[/u/, `${place}.nu`]],
    [`${place}.nu`]: [[/l/, `${place}.nul`]],
    [`${place}.nul`]: [[/l/, end]],
    [end]: after,
  };
}

const afterElement: Rules[string] = [
  [blank, 'array.after'],
  [/,/, 'array.value'],
  [/\]/, 'pop'],
];
const afterMember: Rules[string] = [
  [blank, 'object.after'],
  [/,/, 'object.next'],
  [/\}/, 'pop'],
];
const array = valueRules('array', afterElement);
const object = valueRules('object', afterMember);

/**
 * JSON between two brackets, which are stops: the automaton counts no levels. Behind a value at the top any byte is
 * the stop `end`.
 */
export const json = new ByteAutomaton(
  {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: any byte
    ...valueRules('top', [[/[\x00-\xff]/, 'end']]),
    ...array,
    'array.first': [[/\]/, 'pop'], [blank, 'array.first'], ...(array['array.value'] ?? [])],
    ...object,
    'object.first': [
      [/\}/, 'pop'],
      [blank, 'object.first'],
      [/"/, 'object.name'],
    ],
    'object.next': [
      [blank, 'object.next'],
      [/"/, 'object.name'],
    ],
    ...stringRules('object.name', 'object.colon'),
    'object.colon': [
      [blank, 'object.colon'],
      [/:/, 'object.value'],
    ],
  },
  ['end'],
);
