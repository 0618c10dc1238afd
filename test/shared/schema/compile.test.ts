import t from 'tap';
import { Compile as TypeBoxCompile } from 'typebox/compile';
import { GrantSchema, PolicySchema } from '../../../shared/policy/schema.ts';
import { Compile } from '../../../shared/schema/compile.ts';
import { Type } from '../../../shared/schema/type.ts';

const policy = {
  destinations: ['https://a.example'],
  injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
};

/** Values of JSON, right and wrong, for the schemas of stored documents. */
const policies: readonly unknown[] = [
  policy,
  { ...policy, cacheSeconds: 0 },
  { ...policy, cacheSeconds: 301 },
  { ...policy, cacheSeconds: 1.5 },
  { ...policy, cacheSeconds: '1' },
  { ...policy, cacheSeconds: null },
  { ...policy, scrub: 1 },
  { ...policy, more: true },
  JSON.parse(
    `{"__proto__": 1, "destinations": [], "injection": ${JSON.stringify(policy.injection)}}`,
  ),
  { ...policy, destinations: [''] },
  { ...policy, publicFields: [] },
  { ...policy, injection: { scheme: 'headers', headers: {} } },
  { ...policy, injection: { scheme: 'headers', headers: { 'a b': 'x' } } },
  { ...policy, injection: { scheme: 'headers', headers: { a: '' } } },
  { ...policy, injection: { scheme: 'query', query: { key: '{token}' } } },
  { ...policy, injection: { scheme: 'query', headers: { key: '{token}' } } },
  { ...policy, injection: { scheme: 'basic', username: 'a', password: 'b' } },
  { ...policy, injection: { scheme: 'other' } },
  { injection: policy.injection },
  Object.create(policy),
  [],
  [policy],
  null,
  'text',
  1,
  undefined,
];
const grants: readonly unknown[] = [
  { client: 'a', type: 'b' },
  { client: 'a', type: 'b', methods: ['GET'], paths: ['/a'] },
  { client: 'a', type: 'b', methods: ['get'] },
  { client: 'a', type: 'b', methods: [] },
  { client: 'a', type: '' },
  { client: 'a' },
];

t.test('judges as TypeBox does', async (t) => {
  for (const [schema, values] of [
    [PolicySchema, policies],
    [GrantSchema, grants],
  ] as const) {
    const [ours, theirs] = [Compile(schema), TypeBoxCompile(schema)];
    const verdicts = values.map((value) => ours.Check(value));
    t.same(
      verdicts,
      values.map((value) => theirs.Check(value)),
    );
    t.ok(verdicts.includes(true) && verdicts.includes(false));
  }
});

t.test('no number is infinite, as JSON may have it', async (t) => {
  const { Check } = Compile(Type.Integer({ minimum: 0 }));
  t.ok(Check(JSON.parse('1e15')));
  for (const text of ['1e400', '-1e400', '0.5']) t.notOk(Check(JSON.parse(text)), text);
  t.notOk(Check(Number.NaN));
});

t.test('changes no value: neither coerces, nor adds a default, nor removes', async (t) => {
  const schema = Type.Object({ a: Type.Optional(Type.Integer({ default: 1 })) });
  const value = { b: 2 };
  t.ok(Compile(schema).Check(value));
  t.same(value, { b: 2 });
  t.notOk(Compile(schema).Check({ a: '1' }));
});

t.test('names all faults, without values', async (t) => {
  const schema = Type.Object(
    { a: Type.String({ maxLength: 2 }), b: Type.Integer() },
    { additionalProperties: false },
  );
  const { Errors } = Compile(schema);
  t.same(Errors({ a: 'x', b: 1 }), []);
  t.same(
    Errors({ a: 'secret', c: 1 }).map(({ instancePath, message }) => `${instancePath} ${message}`),
    [
      " must have required property 'b'",
      ' must not have additional properties',
      '/a must not have more than 2 characters',
    ],
  );
});
