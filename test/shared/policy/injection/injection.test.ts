import fc from 'fast-check';
import t from 'tap';
import {
  checkFields,
  describeInjection,
  fieldsFault,
  injectedNames,
  injectionFaults,
  injectionFields,
  prepareInjection,
  secretTexts,
} from '../../../../shared/policy/injection/injection.ts';
import { defaultInjection, type Injection } from '../../../../shared/policy/injection/schema.ts';
import type { Injected } from '../../../../shared/policy/injection/scheme.ts';
import type { Fields } from '../../../../shared/policy/injection/template.ts';

const query: Injection = { scheme: 'query', query: { key: '{token}', v: '1' } };
const basic: Injection = { scheme: 'basic', username: '{login}', password: '{token}' };
const headers = (record: Record<string, string>): Injection => ({
  scheme: 'headers',
  headers: record,
});

/** The additions of an injection that is the same for every request. */
function inject(injection: Injection, fields: Fields): Injected {
  const prepared = prepareInjection(injection, fields);
  if (typeof prepared === 'function') throw new Error('it depends on the request');
  return prepared;
}

t.test('puts a bearer token into Authorization by default', (t) => {
  t.strictSame(inject(defaultInjection, { token: 'fixture-token' }), {
    headers: [['Authorization', 'Bearer fixture-token']],
    query: [],
  });
  t.end();
});

t.test('fills several headers from several fields, with plain text around them', (t) => {
  const injection = headers({
    'Client-Id': '{id}',
    'Api-Key': '{token}',
    'X-Sign': 'a={id};b={id}',
  });
  t.strictSame([...injectionFields(injection)], ['id', 'token']);
  t.strictSame(inject(injection, { id: '42', token: 'fixture-token', other: 'unused' }).headers, [
    ['Client-Id', '42'],
    ['Api-Key', 'fixture-token'],
    ['X-Sign', 'a=42;b=42'],
  ]);
  t.end();
});

t.test('fills query parameters', (t) => {
  t.strictSame(inject(query, { token: 'a&b=c d' }), {
    headers: [],
    query: [
      ['key', 'a&b=c d'],
      ['v', '1'],
    ],
  });
  t.end();
});

t.test('encodes user and password whole, in UTF-8 (RFC 7617)', (t) => {
  t.strictSame(inject(basic, { login: 'Aladdin', token: 'open sesame' }).headers, [
    ['authorization', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
  ]);
  t.strictSame(inject(basic, { login: 'test', token: '123£' }).headers, [
    ['authorization', 'Basic dGVzdDoxMjPCow=='],
  ]);
  t.strictSame(inject(basic, { login: 'a', token: 'b' }).query, []);
  t.equal(fieldsFault(basic, { login: 'имя', token: 'a:b:c' }), undefined);
  t.match(fieldsFault(basic, { login: 'a:b', token: 'c' }), /user name .* has a colon/);
  t.end();
});

t.test('names what it adds, as the type spells it', (t) => {
  t.strictSame(injectedNames(headers({ 'Api-Key': '{token}' })), {
    headers: ['Api-Key'],
    query: [],
  });
  t.strictSame(injectedNames(query), { headers: [], query: ['key', 'v'] });
  t.strictSame(injectedNames(basic), { headers: ['authorization'], query: [] });
  t.end();
});

t.test('fields that fit pass the check; others are a fault of what is stored', (t) => {
  checkFields(basic, { login: 'shop', token: 'fixture-token' });
  t.throws(() => checkFields(basic, { login: 'shop' }), {
    code: 'integrity_failed',
    options: {
      reason: 'fields',
      detail:
        'The stored token cannot be injected: the secret has no field "token", which the type injects.',
    },
  });
  t.end();
});

t.test('names a field that the secret lacks, inherited ones included', (t) => {
  t.match(fieldsFault(defaultInjection, {}), /has no field "token"/);
  t.match(fieldsFault(query, { Token: 'a' }), /has no field "token"/);
  t.match(fieldsFault(basic, { login: 'a' }), /has no field "token"/);
  for (const name of ['toString', 'constructor', '__proto__']) {
    const injection = headers({ 'X-Key': `{${name}}` });
    t.match(fieldsFault(injection, {}), new RegExp(`has no field "${name}"`));
    t.throws(() => inject(injection, {}), { code: 'integrity_failed' });
  }
  t.throws(() => inject(defaultInjection, {}), { code: 'integrity_failed' });
  t.end();
});

t.test('refuses values that would break out of their header', (t) => {
  const bad = [
    'a\r\nX-Injected: 1',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\u007f',
    'a\u0085b',
    'токен',
    '',
    ' a',
    'a ',
    'a\t',
    '\ud800',
  ];
  for (const token of bad) {
    const fault = fieldsFault(defaultInjection, { token });
    t.match(fault, /field "token" is empty or has characters/, JSON.stringify(token));
    if (token.length > 2) t.notMatch(fault, token, 'the value is not in the sentence');
  }
  for (const token of ['a', 'a b', 'a\tb', 'ey.J-_~+/=', '!"#$%&']) {
    t.equal(fieldsFault(defaultInjection, { token }), undefined, JSON.stringify(token));
  }
  t.end();
});

t.test('refuses plain text in a template that would break out of its header', (t) => {
  for (const template of [
    '{token}\r\nX-Injected: 1',
    'Bearer {token}\n',
    '\0{token}',
    'ключ {token}',
    ' {token}',
  ]) {
    t.match(
      fieldsFault(headers({ 'X-Key': template }), { token: 'a' }),
      /header X-Key has characters/,
    );
  }
  t.end();
});

t.test('refuses control characters and broken Unicode in query and basic too', (t) => {
  for (const token of ['a\r\nb', 'a\0', '\t', 'a\u007f', 'a\ud800']) {
    t.match(fieldsFault(query, { token }), /control character/, JSON.stringify(token));
    t.match(fieldsFault(basic, { login: 'a', token }), /control character/, JSON.stringify(token));
  }
  t.equal(fieldsFault(query, { token: 'токен & знак' }), undefined);
  t.end();
});

t.test('takes a value as it is: no placeholder, no replacement pattern in it is read', (t) => {
  const injection = headers({ 'X-Key': '{a}-{b}' });
  for (const value of ['{b}', '$&', '$1', '$$', '$`', "$'", '{a}{b}']) {
    t.strictSame(inject(injection, { a: value, b: 'B' }).headers, [['X-Key', `${value}-B`]]);
  }
  t.end();
});

t.test('leaves braces alone that hold no field name', (t) => {
  const injection = headers({ 'X-Key': '{} { token } {{token}} {a b}' });
  t.strictSame([...injectionFields(injection)], ['token']);
  t.strictSame(inject(injection, { token: 'T' }).headers, [['X-Key', '{} { token } {T} {a b}']]);
  t.end();
});

t.test('finds the faults that no secret could mend, a sentence each', (t) => {
  t.strictSame(injectionFaults(defaultInjection), []);
  t.strictSame(injectionFaults(query), []);
  t.strictSame(injectionFaults(basic), []);
  const brace = (place: string) =>
    `${place} has a template with a brace outside a placeholder: placeholders are {field}, with letters, digits, _ . -`;
  t.strictSame(injectionFaults(headers({ A: '{a', B: 'b\n{b}', C: '{c}', D: 'd}\0' })), [
    brace('header "A"'),
    brace('header "D"'),
    'the value of the header B has characters that a header cannot carry',
    'the value of the header D has characters that a header cannot carry',
  ]);
  t.strictSame(injectionFaults({ scheme: 'query', query: { k: '{a b}' } }), [
    brace('query parameter "k"'),
  ]);
  t.strictSame(injectionFaults({ scheme: 'basic', username: '{', password: '}' }), [
    brace('basic user name'),
    brace('basic password'),
  ]);
  t.strictSame(injectionFaults({ scheme: 'basic', username: 'a:{b}', password: '{c}' }), [
    'the user name of a basic credential has a colon',
  ]);
  t.end();
});

t.test('describes an injection in one line, templates unfilled', (t) => {
  t.equal(describeInjection(headers({ A: '{a}', B: 'x {b}' })), 'A: {a}, B: x {b}');
  t.equal(describeInjection(query), '?key={token}&v=1');
  t.equal(describeInjection(basic), 'basic {login}:{token}');
  t.end();
});

t.test(
  'names the secrets of an answer: fields that are not public, and a credential of them',
  (t) => {
    const fields = { login: 'shop', token: 'fixture-token', other: 'not injected' };
    t.strictSame(secretTexts(defaultInjection, fields), ['shop', 'fixture-token', 'not injected']);
    t.strictSame(secretTexts(query, fields, ['login', 'other']), ['fixture-token']);
    t.strictSame(secretTexts(basic, fields, ['login']), [
      'fixture-token',
      'not injected',
      'shop:fixture-token',
    ]);
    // Then nothing that is sent is secret.
    t.strictSame(secretTexts(basic, fields, ['login', 'token']), ['not injected']);
    t.end();
  },
);

t.test('takes an injection of no known scheme for a fault of the program', (t) => {
  const unknown = { scheme: 'toString' } as unknown as Injection;
  t.throws(() => injectedNames(unknown), {
    name: 'TypeError',
    message: 'no injection scheme is called toString',
  });
  t.end();
});

t.test('puts into a header, of any value that passed, nothing that a header cannot carry', (t) => {
  let passed = 0;
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a\r\nb', 'a\0'),
  );
  fc.assert(
    fc.property(value, (token) => {
      if (fieldsFault(defaultInjection, { token }) !== undefined) return;
      passed += 1;
      new Headers().append('Authorization', `Bearer ${token}`);
      const sent = inject(defaultInjection, { token }).headers[0]?.[1];
      if (sent !== `Bearer ${token}` || !/^[\t\x20-\x7e]+$/.test(sent)) throw new Error(sent);
    }),
  );
  t.ok(passed > 0);
  t.end();
});
