import { randomBytes } from 'node:crypto';
import t from 'tap';
import { findLeaks, writtenForms } from './leaks.ts';

const text = `made-up "secret" /+%\\ ${randomBytes(16).toString('hex')}`;
const bytes = randomBytes(32);

t.test('a secret is found in each of its forms, whatever stands around it', async (t) => {
  for (const [name, value] of Object.entries({ text, bytes })) {
    for (const [form, written] of writtenForms(value)) {
      const leaks = findLeaks(`before${written}after`, { [name]: value });
      t.ok(
        leaks.some((leak) => leak.secret === name && leak.form === form),
        `${name}: ${form}`,
      );
    }
  }
});

t.test('a secret is found within base64 of something longer', async (t) => {
  for (const before of ['', '1', '12', '123', '1234']) {
    for (const after of ['', '1', '12']) {
      const whole = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const found = findLeaks(whole.toString(encoding), { bytes });
        t.ok(found.length > 0, `${encoding} of ${before}…${after}`);
      }
    }
  }
});

t.test('what is not there is not found', async (t) => {
  t.same(findLeaks(`${randomBytes(500).toString('base64')} ${text.slice(1)}`, { text, bytes }), []);
});
