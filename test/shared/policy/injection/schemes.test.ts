import t from 'tap';
import { Check } from 'typebox/value';
import {
  describeInjection,
  injectionFields,
} from '../../../../shared/policy/injection/injection.ts';
import { InjectionSchema } from '../../../../shared/policy/injection/schema.ts';
import { schemes } from '../../../../shared/policy/injection/schemes.ts';

const names = schemes.map(({ schema }) => schema.properties.scheme.const);
const options = schemes.map(({ notation }) => notation.name);

t.test('every scheme has a name and an option of its own', async (t) => {
  t.strictSame(names, ['headers', 'query', 'basic']);
  t.strictSame(options, ['header', 'query', 'basic']);
});

t.test(
  'every example can be read, stored and described; an unknown member is refused',
  async (t) => {
    for (const { notation } of schemes) {
      const { example, separator } = notation;
      const at = example.indexOf(separator);
      const pair = [example.slice(0, at), example.slice(at + 1)] as const;
      const read = notation.isList ? notation.read([pair]) : notation.read(pair);
      if ('fault' in read) throw new Error(read.fault);
      t.ok(Check(InjectionSchema, read), example);
      t.notOk(Check(InjectionSchema, { ...read, surprise: true }), example);
      t.ok(injectionFields(read).size > 0, example);
      t.match(describeInjection(read), pair[1].trim());
    }
  },
);
