import fc from 'fast-check';
import { anyText } from './texts.ts';

/** The part of JSON Schema that our documents use; anything else is rejected, not ignored. */
const known = new Set([
  ...['type', 'enum', 'anyOf', 'items', 'properties', 'required', 'additionalProperties'],
  ...['minLength', 'maxLength', 'pattern', 'minimum', 'maximum'],
  ...['default', 'description', 'examples'],
]);
const maxKeys = 6;

export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Values that fit a schema. @throws where it uses a keyword that is not known here */
export function arbitraryOf(schema: Schema): fc.Arbitrary<unknown> {
  const unknown = Object.keys(schema).filter((keyword) => !known.has(keyword));
  if (unknown.length > 0) throw new Error(`no arbitrary for the keywords ${unknown}`);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(arbitraryOf));
  switch (schema.type) {
    case undefined:
      return fc.jsonValue();
    case 'string':
      return stringOf(schema);
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? Number.MIN_SAFE_INTEGER,
        max: schema.maximum ?? Number.MAX_SAFE_INTEGER,
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}), { maxLength: maxKeys });
    case 'object':
      return objectOf(schema);
    default:
      throw new Error(`no arbitrary for the type ${schema.type}`);
  }
}

function stringOf({ pattern, minLength = 0, maxLength }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const short = anyText({ minLength, maxLength: Math.min(maxLength ?? 40, 40) });
  if (maxLength === undefined) return short;
  const longest = fc
    .constantFrom('x', 'ё', '/', '%')
    .map((character) => character.repeat(maxLength));
  return fc.oneof({ weight: 60, arbitrary: short }, { weight: 1, arbitrary: longest });
}

function objectOf(schema: Schema): fc.Arbitrary<object> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, arbitraryOf(property)]),
  );
  const described = fc.record(members, { requiredKeys: [...required] });
  if (typeof additionalProperties !== 'object') return described;
  return fc
    .tuple(
      fc.dictionary(anyText({ maxLength: 20 }), arbitraryOf(additionalProperties), {
        maxKeys: maxKeys,
      }),
      described,
    )
    .map(([more, members]) => ({ ...more, ...members }));
}
