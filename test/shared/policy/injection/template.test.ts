import t from 'tap';
import {
  fieldOf,
  fill,
  fillAll,
  hasStrayBrace,
  isFieldName,
  placeholders,
} from '../../../../shared/policy/injection/template.ts';

t.test('finds the placeholders of a text, in order', (t) => {
  t.strictSame(placeholders('a={id};b={token};c={id}'), ['id', 'token', 'id']);
  t.strictSame(placeholders('{} { token } {{token}} {a b}'), ['token']);
  t.strictSame(placeholders('words'), []);
  t.end();
});

t.test('knows the names that a placeholder can have', (t) => {
  for (const name of ['token', 'a', 'client_id', 'a.b-c', '0', 'x'.repeat(64), '__proto__']) {
    t.equal(isFieldName(name), true, name);
  }
  for (const name of ['', 'a b', 'a}{b', '{a}', 'имя', 'x'.repeat(65)]) {
    t.equal(isFieldName(name), false, name);
  }
  t.end();
});

t.test('sees a brace outside the placeholders', (t) => {
  for (const text of ['{token', 'token}', '{to ken}', '{{token}}', '{}', '{token}{']) {
    t.equal(hasStrayBrace(text), true, text);
  }
  for (const text of ['{token}', '{a}{b}', 'words']) t.equal(hasStrayBrace(text), false, text);
  t.end();
});

t.test('fills a placeholder once, and reads nothing in a value', (t) => {
  t.equal(fill('{a}-{b}-{a}', { a: '{b}', b: '$&' }), '{b}-$&-{b}');
  t.strictSame(fillAll({ x: '{a}', y: 'z' }, { a: '1' }), [
    ['x', '1'],
    ['y', 'z'],
  ]);
  t.end();
});

t.test('takes inherited members for no fields', (t) => {
  for (const name of ['toString', 'constructor', '__proto__']) {
    t.equal(fieldOf({}, name), undefined);
    t.throws(() => fill(`{${name}}`, {}), {
      name: 'TypeError',
      message: `field ${name} is missing`,
    });
  }
  t.equal(fieldOf({ constructor: 'a' }, 'constructor'), 'a');
  t.end();
});
