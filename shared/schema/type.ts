import type { TObject, TOptional, TProperties, Type as TypeBox } from 'typebox';

export type { Static, TLiteral, TObject, TSchema } from 'typebox';

type Options = object | undefined;
type Properties = Readonly<Record<string, object>>;

/** As TypeBox marks it: enumerable, it would be a keyword. */
const mark = '~optional';

const builders = {
  String: (options: Options) => ({ type: 'string', ...options }),
  Integer: (options: Options) => ({ type: 'integer', ...options }),
  Boolean: (options: Options) => ({ type: 'boolean', ...options }),
  Null: (options: Options) => ({ type: 'null', ...options }),
  Unknown: (options: Options) => ({ ...options }),
  Literal: (value: string | number | boolean, options: Options) => ({
    type: typeof value,
    const: value,
    ...options,
  }),
  Enum: (values: readonly string[], options: Options) => ({ enum: [...values], ...options }),
  Array: (items: object, options: Options) => ({ type: 'array', items, ...options }),
  Union: (schemas: readonly object[], options: Options) => ({ anyOf: schemas, ...options }),
  Ref: (name: string, options: Options) => ({ $ref: name, ...options }),
  Record: (key: { readonly pattern?: string }, value: object, options: Options) => ({
    type: 'object',
    patternProperties: { [key.pattern ?? '^.*$']: value },
    ...options,
  }),
  Object: (properties: Properties, options: Options) => {
    const required = Object.keys(properties).filter((name) => !(mark in at(properties, name)));
    return {
      type: 'object',
      ...(required.length > 0 && { required }),
      properties,
      ...options,
    };
  },
  Optional: (schema: object) => Object.defineProperty({ ...schema }, mark, { value: true }),
  Unsafe: (schema: object) => ({ ...schema }),
};

function at(properties: Properties, name: string): object {
  return properties[name] as object;
}

/**
 * The builders of schemas that are used here, with TypeBox's types. TypeBox's own have the same results, and
 * take a quarter of a second of CPU at each start, since they come with those of every other kind.
 */
export const Type = builders as unknown as Pick<typeof TypeBox, keyof typeof builders>;

/** An object with no members but these. */
export function ClosedObject<P extends TProperties>(properties: P, options?: object): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** Members that may all be missing. */
export function optional<P extends TProperties>(properties: P) {
  const entries = Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)]);
  return Object.fromEntries(entries) as { [K in keyof P]: TOptional<P[K]> };
}
