import t from 'tap';
import { Type as TypeBox } from 'typebox';
import { ClosedObject, optional, Type } from '../../../shared/schema/type.ts';

type Builders = typeof Type;

/** Schemas that use every builder, with and without options. */
const made: Readonly<Record<string, (T: Builders) => unknown>> = {
  text: (T) => [T.String(), T.String({ minLength: 1, writeOnly: true })],
  number: (T) => [T.Integer(), T.Integer({ minimum: 0, default: 3 })],
  boolean: (T) => [T.Boolean(), T.Boolean({ default: false })],
  others: (T) => [T.Null(), T.Unknown(), T.Unknown({ description: 'd' }), T.Ref('Problem')],
  literal: (T) => [
    T.Literal('a'),
    T.Literal('a', { description: 'd' }),
    T.Literal(true),
    T.Literal(1),
  ],
  enum: (T) => [T.Enum(['a', 'b']), T.Enum(['a', 'b'], { default: 'a' })],
  array: (T) => [T.Array(T.String()), T.Array(T.Integer(), { minItems: 1 })],
  union: (T) => T.Union([T.String(), T.Null()], { description: 'd' }),
  record: (T) => [
    T.Record(T.String(), T.String()),
    T.Record(T.String({ pattern: '^a$' }), T.Integer(), { minProperties: 1 }),
  ],
  unsafe: (T) => T.Unsafe<string>({ type: 'object', description: 'd' }),
  object: (T) => [
    T.Object({}),
    T.Object({ a: T.Optional(T.String()) }),
    T.Object(
      { a: T.String(), b: T.Optional(T.Unsafe({})), c: T.Boolean() },
      { additionalProperties: false, examples: [1] },
    ),
  ],
};

t.test('makes the same schemas as TypeBox', async (t) => {
  for (const [name, make] of Object.entries(made)) {
    t.equal(JSON.stringify(make(Type)), JSON.stringify(make(TypeBox)), name);
  }
});

t.test('marks what is optional for TypeBox, too, and changes no schema', async (t) => {
  const text = Type.String();
  const optional = Type.Optional(text);
  t.same(Type.Object({ a: text, b: optional, c: Type.Optional(optional) }).required, ['a']);
  t.equal(JSON.stringify(TypeBox.Object({ a: text, b: optional }).required), '["a"]');
  t.same(Object.keys(optional), ['type']);
});

t.test('makes a closed object, and members that may all be missing', async (t) => {
  const closed = ClosedObject({ a: Type.String(), ...optional({ b: Type.String() }) });
  t.same(closed, {
    type: 'object',
    required: ['a'],
    properties: { a: { type: 'string' }, b: { type: 'string' } },
    additionalProperties: false,
  });
  t.match(ClosedObject(optional({ b: Type.String() }), { minProperties: 1 }), { minProperties: 1 });
});
