import t from 'tap';
import { hasRepeatedMember } from '../../../shared/schema/json-object.ts';

t.test('finds a member that stands twice in one object, at any depth', async (t) => {
  for (const text of [
    '{"a":1,"a":2}',
    '{ "a" : {} , "b" : [] , "a"\n: null }',
    '{"a":1,"\\u0061":2}',
    '{"a":[{"b":"}","b":1}]}',
    '{"a\\"":1,"a\\"":1}',
    '{"":1,"":1}',
    '{"__proto__":1,"__proto__":1}',
  ]) {
    t.equal(hasRepeatedMember(text), true, text);
    t.ok(JSON.parse(text));
  }
});

t.test('finds none among names of different objects, and in texts', async (t) => {
  for (const text of [
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\"a\\":1,\\"a\\":","b":"{\\"a\\":"}',
    '{"a":["a","a"],"b":"a","A":1}',
    '{"a":"x\\\\","b":"a"}',
    '"a"',
  ]) {
    t.equal(hasRepeatedMember(text), false, text);
    t.ok(JSON.parse(text));
  }
});
