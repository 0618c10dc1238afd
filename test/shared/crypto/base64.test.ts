import fc from 'fast-check';
import t from 'tap';
import { decodeBase64 } from '../../../shared/crypto/base64.ts';
import { someBytes } from './arbitraries.ts';
import { isRefused } from './refusal.ts';

for (const encoding of ['base64', 'base64url'] as const) {
  t.test(`${encoding}: what was encoded decodes to the same bytes`, async () => {
    fc.assert(
      fc.property(someBytes, (bytes) =>
        decodeBase64(Buffer.from(bytes).toString(encoding), encoding).equals(bytes),
      ),
    );
  });

  t.test(`${encoding}: one text stands for one content, everything else is refused`, async () => {
    const almost = fc.string({ unit: fc.constantFrom(...'ABw_-+/=\n .'), maxLength: 8 });
    fc.assert(
      fc.property(almost, (text) => {
        const refused = isRefused(() => decodeBase64(text, encoding));
        return refused || decodeBase64(text, encoding).toString(encoding) === text;
      }),
      { numRuns: 1000 },
    );
  });
}

t.test('what does not decode is an OpenError, which says nothing more', async (t) => {
  t.throws(() => decodeBase64('A', 'base64'), { name: 'OpenError', message: 'does not open' });
});
