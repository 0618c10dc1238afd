import fc from 'fast-check';
import t from 'tap';
import { secretForms } from '../../../secureproxy/scrub/search/secret-forms.ts';
import { SecretSearch } from '../../../secureproxy/scrub/search/secret-search.ts';
import { SecretFilter } from '../../../secureproxy/scrub/secret-filter.ts';
import { findLeaks } from '../../support/leaks.ts';
import { escapeSteps, pass, search, stepsOfAnyText, token } from './escape-steps.ts';
import { someForm, someSecret, someSizes, spell, split } from './spellings.ts';

const filterFor = (...secrets: string[]) =>
  new SecretFilter(new SecretSearch(secrets.flatMap(secretForms)));

function scrub(text: string, ...secrets: string[]) {
  const filter = filterFor(...secrets);
  const out = filter.end(Buffer.from(text)).toString();
  return { out, redactions: filter.redactions };
}

const base64 = Buffer.from(`user:${token}`).toString('base64');
const written: Record<string, string> = {
  plain: token,
  'URL-escaped': encodeURIComponent(token),
  'URL-escaped in lower case': encodeURIComponent(token).replace(/%../g, (x) => x.toLowerCase()),
  'URL-escaped in part': token.replaceAll('/', '%2F'),
  'a form': new URLSearchParams({ t: token }).toString(),
  'all URL-escaped': spell(token, ['url']),
  'JSON-escaped': spell(token, ['json']),
  'JSON-escaped in upper case': spell(token, ['JSON']),
  'JSON in JSON': spell(token, ['json in json']),
  'a slash escaped': token.replaceAll('/', '\\/'),
  'a slash escaped in JSON in JSON': token.replaceAll('/', '\\\\\\/'),
  base64,
  base64url: base64.replaceAll('+', '-').replaceAll('/', '_'),
  hex: Buffer.from(token).toString('hex'),
  HEX: Buffer.from(token).toString('hex').toUpperCase(),
};
for (const ahead of ['', '1', '12'])
  written[`base64, ${ahead.length} bytes ahead`] = Buffer.from(`${ahead}${token}!`).toString(
    'base64',
  );
written['base64, URL-escaped'] = encodeURIComponent(base64);
written['base64, JSON-escaped'] = base64.replaceAll('+', '\\u002B').replaceAll('/', '\\/');

for (const [form, text] of Object.entries(written)) {
  t.test(`finds a secret: ${form}`, (t) => {
    const { out, redactions } = scrub(`<${text}>`, token);
    t.match(out, '[redacted]');
    t.equal(redactions, 1);
    t.strictSame(findLeaks(out, { token }), []);
    t.notMatch(out, /token/);
    t.end();
  });
}

t.test('takes nothing else out', (t) => {
  for (const text of ['', 'made-up/token', token.slice(0, -1), token.slice(1), token.toUpperCase()])
    t.strictSame(scrub(`${text} %zz \\u00 \\`, token), {
      out: `${text} %zz \\u00 \\`,
      redactions: 0,
    });
  t.strictSame(secretForms('eleven char'), []);
  t.strictSame(scrub('twelve chars', 'twelve chars'), { out: '[redacted]', redactions: 1 });
  t.end();
});

t.test('counts every redaction; overlapping matches are one', (t) => {
  const [first, second] = ['aaaa-bbbb-cccc', 'bbbb-cccc-dddd'];
  t.strictSame(scrub(`${first} ${first}${second}`, first, second), {
    out: '[redacted] [redacted][redacted]',
    redactions: 3,
  });
  t.strictSame(scrub('aaaa-bbbb-cccc-dddd.', first, second), { out: '[redacted].', redactions: 1 });
  t.strictSame(scrub(`${first}:short`, first, `${first}:short`), {
    out: '[redacted]',
    redactions: 1,
  });
  t.strictSame(scrub('x'.repeat(40), 'x'.repeat(12)), { out: '[redacted]', redactions: 1 });
  t.end();
});

t.test('bytes before a secret that look like an escape hide nothing', (t) => {
  for (const ahead of ['%4', '%', '\\', '\\\\', '\\u', '\\u00', '\\u004'])
    t.notMatch(scrub(`${ahead}1234567890ab`, '1234567890ab').out, '1234567890ab', ahead);
  t.end();
});

t.test('a secret that repeats itself takes bounded steps, and passes nowhere', (t) => {
  for (const unit of ['\\', '%25', '&amp;', 'a', '\\u005c', 'ab']) {
    for (const secret of [unit.repeat(30), `${unit.repeat(100)}y`]) {
      for (const size of [1500, 1]) {
        const bytes = Buffer.from(unit.repeat(1000 / unit.length) + secret);
        const { out, stepsPerByte } = search(secret, bytes, [size]);
        t.ok(stepsPerByte < 500, `${stepsPerByte} steps a byte`);
        t.notOk(out.includes(secret), 'the secret passed');
      }
    }
  }
  t.end();
});

stepsOfAnyText(t, 8);
escapeSteps(t, { within: 4096, again: 10_000 });

t.test('no pattern of a secret passes, at any position and in any chunks', (t) => {
  const text = fc.string({ unit: fc.constantFrom(...'ab01 "\\%u{}:,é'), maxLength: 40 });
  const scene = someSecret.chain((secret) =>
    fc.record({
      secret: fc.constant(secret),
      forms: fc.array(fc.tuple(text, someForm(secret)), { minLength: 1, maxLength: 3 }),
      rest: text,
      sizes: someSizes,
    }),
  );
  fc.assert(
    fc.property(scene, ({ secret, forms, rest, sizes }) => {
      const bytes = Buffer.from(`${forms.map(([ahead, form]) => ahead + form).join('')}${rest}`);
      const filter = filterFor(secret);
      const { out } = pass(filter, split(bytes, sizes));
      t.notOk(findLeaks(out.toString(), { secret }).find(({ form }) => form !== 'JSON twice'));
      for (const [, form] of forms) if (out.includes(form)) throw new Error(`${form} in ${out}`);
      const whole = filterFor(secret);
      if (!out.equals(whole.end(bytes)) || whole.redactions !== filter.redactions)
        throw new Error('the cuts made a difference');
      if (filter.redactions === 0) throw new Error('no hit');
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test('the amount of output depends on the amount of input alone, never on its content', (t) => {
  const scene = someSecret.chain((secret) => {
    const begun = fc
      .tuple(someForm(secret), fc.nat())
      .map(([form, length]) => form.slice(0, length % form.length));
    const texts = fc.array(fc.oneof(begun, fc.string({ maxLength: 20 })), { maxLength: 30 });
    return fc.record({ secret: fc.constant(secret), texts, sizes: someSizes });
  });
  let compared = 0;
  fc.assert(
    fc.property(scene, ({ secret, texts, sizes }) => {
      const bytes = Buffer.from(texts.join(''));
      const filter = filterFor(secret);
      const { released } = pass(filter, split(bytes, sizes));
      if (filter.redactions > 0) return;
      const other = pass(filterFor(secret), split(Buffer.alloc(bytes.length, 'x'), sizes));
      if (released.join() !== other.released.join()) throw new Error(`${released}`);
      compared++;
    }),
    { numRuns: 200 },
  );
  t.ok(compared > 150, `${compared} were compared`);
  t.end();
});

t.test('holds back as many bytes as the longest pattern of a secret of this length', (t) => {
  const lengths = (secret: string) => {
    const filter = filterFor(secret);
    return pass(filter, split(Buffer.alloc(4000, 'y'), [100])).released.join();
  };
  t.equal(lengths('a1b2c3d4e5f6'), lengths('zzzz%%\\\\""//'));
  const filter = filterFor('a1b2c3d4e5f6');
  const longestForm = 24;
  t.equal(filter.write(Buffer.alloc(1000)).length, 1000 - (longestForm * 8 + 64));
  t.end();
});

t.test('finds a secret that a row of line feeds interrupts', (t) => {
  for (const secret of ['kJ8sd7Fh2Kq0Zp4L', token]) {
    for (let at = 1; at < secret.length; at++) {
      for (const length of [1, 2, 3, 60]) {
        const text = `${secret.slice(0, at)}${'\n'.repeat(length)}${secret.slice(at)}`;
        t.strictSame(scrub(` ${text} `, secret), { out: ' [redacted] ', redactions: 1 });
      }
    }
  }
  t.end();
});
