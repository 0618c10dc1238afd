import t from 'tap';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { defaultInjection, InjectionSchema } from '../../../shared/policy/injection/schema.ts';
import { GrantSchema, isMethod, methods, PolicySchema } from '../../../shared/policy/schema.ts';

const accepts = (schema: TSchema, value: unknown) => Compile(schema).Check(value);
const policy = { destinations: ['https://api.example'], injection: defaultInjection };
const grant = { client: 'acme', type: 'shop' };

t.test('accepts a policy with every member it knows', (t) => {
  t.equal(accepts(PolicySchema, policy), true);
  const full = {
    ...policy,
    unsafePlaintext: true,
    unsafeAllowPrivate: ['10.0.0.0/8'],
    cacheSeconds: 300,
    scrub: false,
    publicFields: ['client_id'],
    redactMembers: ['access_token'],
  };
  t.equal(accepts(PolicySchema, full), true);
  t.end();
});

t.test('refuses a policy member that it does not know, rather than judge without it', (t) => {
  t.equal(accepts(PolicySchema, { ...policy, onlyOnSundays: true }), false);
  const injection = { ...defaultInjection, prefix: 'x' };
  t.equal(accepts(PolicySchema, { ...policy, injection }), false);
  t.equal(accepts(InjectionSchema, { scheme: 'signature', key: 'x' }), false);
  t.end();
});

t.test('refuses a policy whose members are missing or out of bounds', (t) => {
  const { destinations, injection } = policy;
  for (const bad of [
    { destinations },
    { injection },
    { ...policy, destinations: 'https://api.example' },
    { ...policy, destinations: [''] },
    { ...policy, cacheSeconds: 301 },
    { ...policy, cacheSeconds: -1 },
    { ...policy, cacheSeconds: 1.5 },
    { ...policy, scrub: 'no' },
    { ...policy, publicFields: [] },
    { ...policy, publicFields: [''] },
    { ...policy, redactMembers: 'access_token' },
    { ...policy, redactMembers: ['a'] },
    { ...policy, unsafePlaintext: 1 },
  ]) {
    t.equal(accepts(PolicySchema, bad), false, JSON.stringify(bad));
  }
  t.end();
});

t.test(
  'refuses names of headers and parameters that would need escaping, and templates without text',
  (t) => {
    for (const name of ['', 'A B', 'A:', 'A\r\nB', 'A\n', 'Ключ', 'A\0', '"A"', '(A)']) {
      const headers = { scheme: 'headers', headers: { [name]: '{token}' } };
      t.equal(accepts(InjectionSchema, headers), false, JSON.stringify(name));
    }
    for (const name of ['', 'a b', 'a\nb', 'a\0', 'ключ']) {
      const query = { scheme: 'query', query: { [name]: '{token}' } };
      t.equal(accepts(InjectionSchema, query), false, JSON.stringify(name));
    }
    t.equal(accepts(InjectionSchema, { scheme: 'query', query: { 'a\nb': 5 } }), false);
    t.equal(accepts(InjectionSchema, { scheme: 'query', query: { api_key: '{token}' } }), true);
    t.equal(accepts(InjectionSchema, { scheme: 'query', query: {} }), false);
    t.equal(accepts(InjectionSchema, { scheme: 'headers', headers: {} }), false);
    t.equal(accepts(InjectionSchema, { scheme: 'headers', headers: { A: '' } }), false);
    t.equal(accepts(InjectionSchema, { scheme: 'basic', username: 'a' }), false);
    t.end();
  },
);

t.test('knows the methods that a grant may name, and no others', (t) => {
  t.equal(accepts(GrantSchema, grant), true);
  t.equal(accepts(GrantSchema, { ...grant, methods: [...methods], paths: ['/v1/*'] }), true);
  for (const method of ['CONNECT', 'TRACE', 'get', '']) {
    t.equal(accepts(GrantSchema, { ...grant, methods: [method] }), false, method);
    t.equal(isMethod(method), false, method);
  }
  for (const method of methods) t.equal(isMethod(method), true, method);
  t.end();
});

t.test('refuses a grant with empty limits or members that it does not know', (t) => {
  for (const bad of [
    { ...grant, methods: [] },
    { ...grant, paths: [] },
    { ...grant, paths: [''] },
    { ...grant, client: '' },
    { client: 'acme' },
    { ...grant, until: '2030-01-01' },
  ]) {
    t.equal(accepts(GrantSchema, bad), false, JSON.stringify(bad));
  }
  t.end();
});
