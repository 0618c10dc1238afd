import fc from 'fast-check';
import { anyText } from './texts.ts';

const strange = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(null, '', 0, -0, 1.5, -1, 2 ** 53, 1e308, true, [], {}, [[]]),
  fc.integer({ min: 10, max: 400 }).map((depth) => nested(depth)),
  anyText({ maxLength: 300 }),
);

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i += 1) value = i % 2 ? [value] : { in: value };
  return value;
}

/** A value with one or two faults: members that are gone, strange, or one too many; or another value altogether. */
export function brokenValue(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const once = fc
    .tuple(value, fc.nat(), strange, anyText({ maxLength: 20 }), fc.nat({ max: 9 }))
    .map(([whole, place, stray, name, kind]) => {
      if (kind === 0 || typeof whole !== 'object' || whole === null) return stray;
      const members = Object.entries(whole);
      if (kind === 1 || members.length === 0)
        return Object.fromEntries([...members, [name, stray]]);
      if (kind === 2) return [whole];
      const at = place % members.length;
      return Object.fromEntries(
        members.flatMap(([key, member], i): [string, unknown][] => {
          if (i !== at) return [[key, member]];
          if (kind <= 4) return [];
          if (kind === 5) return [[key.toLowerCase(), member]];
          return [[key, kind === 6 ? [member] : stray]];
        }),
      );
    });
  return once;
}

/** How a JSON text is spoilt; empty pieces leave it as it is. */
const spoiling = fc.record({
  kind: fc.constantFrom('cut', 'insert', 'double', 'bracket', 'none'),
  at: fc.nat(),
  text: fc.oneof(
    anyText({ maxLength: 8 }),
    fc.constantFrom('"', '\\', '1e999', '\ufeff', '\\ud800', '{"a":1,"a":2}', '-', ',', '\u0000'),
  ),
});

/** JSON texts of values, of which some do not parse. */
export function jsonText(value: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  return fc.tuple(value, spoiling).map(([content, { kind, at, text }]) => {
    const json = JSON.stringify(content) ?? '';
    const place = json.length === 0 ? 0 : at % json.length;
    if (kind === 'cut') return json.slice(0, place);
    if (kind === 'insert') return json.slice(0, place) + text + json.slice(place);
    if (kind === 'double') return json.replace(/^\{(?=")/, `{"__proto__":{"x":1},`) + text;
    if (kind === 'bracket') return '['.repeat((at % 20_000) + 1) + json;
    return json;
  });
}
