import t from 'tap';
import { hasRepeatedMember } from '../../../shared/schema/json-object.ts';

for (const [title, expected, texts] of [
  [
    'a member that stands twice in one object, at any depth, is found',
    true,
    [
      '{"a":1,"a":2}',
      '{ "a" : {} , "b" : [] , "a"\n: null }',
      '{"a":1,"\\u0061":2}',
      '{"a":[{"b":"}","b":1}]}',
      '{"a\\"":1,"a\\"":1}',
      '{"":1,"":1}',
      '{"__proto__":1,"__proto__":1}',
    ],
  ],
  [
    'names of different objects, and texts, are told apart from it',
    false,
    [
      '{"a":{"a":{"a":1}},"b":{"a":1}}',
      '[{"a":1},{"a":1}]',
      '{"a":"\\"a\\":1,\\"a\\":","b":"{\\"a\\":"}',
      '{"a":["a","a"],"b":"a","A":1}',
      '{"a":"x\\\\","b":"a"}',
      '"a"',
    ],
  ],
] as const) {
  t.test(title, async (t) => {
    for (const text of texts) {
      t.equal(hasRepeatedMember(text), expected, text);
      t.ok(JSON.parse(text));
    }
  });
}
