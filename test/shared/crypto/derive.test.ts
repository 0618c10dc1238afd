import fc from 'fast-check';
import t from 'tap';
import { deriveKey, type Purpose, purposes } from '../../../shared/crypto/derive.ts';
import { rawKey } from './arbitraries.ts';

const all = Object.keys(purposes) as Purpose[];

t.test('no two purposes share a key, and none is the at-rest key itself', async () => {
  fc.assert(
    fc.property(rawKey, (master) => {
      const keys = all.map((purpose) => deriveKey(master, purpose).export().toString('hex'));
      return new Set([...keys, Buffer.from(master).toString('hex')]).size === all.length + 1;
    }),
  );
});

t.test('deriving again gives the same key', async () => {
  fc.assert(
    fc.property(rawKey, fc.constantFrom(...all), (master, purpose) =>
      deriveKey(master, purpose).equals(deriveKey(master, purpose)),
    ),
  );
});
