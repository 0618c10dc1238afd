import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import {
  callerKeyHash,
  containsAppKey,
  isBoundKey,
  isCallerKey,
  makeCallerKey,
} from '../../../shared/crypto/caller-key.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

for (const prefix of ['spk_', 'spx_'] as const) {
  t.test(`${prefix}: made keys have the form and pass, each its own`, async (t) => {
    const keys = Array.from({ length: 300 }, () => makeCallerKey(prefix));
    for (const key of keys) {
      t.match(key, new RegExp(`^${prefix}[0-9A-Za-z]{36}$`));
      t.ok(isCallerKey(key, prefix));
    }
    t.equal(new Set(keys).size, keys.length);
    const used = new Set(keys.flatMap((key) => [...key.slice(4, 34)]));
    t.equal(used.size, alphabet.length, 'every character of the alphabet comes up');
  });

  t.test(`${prefix}: any one changed character fails`, async () => {
    const characters = fc.constantFrom(...alphabet, '_', '-', ' ', 'é');
    fc.assert(
      fc.property(fc.nat({ max: 39 }), characters, (at, character) => {
        const key = makeCallerKey(prefix);
        fc.pre(key[at] !== character);
        return !isCallerKey(key.slice(0, at) + character + key.slice(at + 1), prefix);
      }),
      { numRuns: 1000 },
    );
  });
}

t.test('a key of a bound app is told by its beginning, and no other key is', async (t) => {
  for (let i = 0; i < 300; i++) {
    const key = makeCallerKey('spk_', { isBound: true });
    t.match(key, /^spk_bound[0-9A-Za-z]{31}$/);
    t.ok(isCallerKey(key, 'spk_') && isBoundKey(key));
    t.notOk(isBoundKey(makeCallerKey('spk_')));
  }
  for (const text of ['spk_', 'spk_boun', ' spk_bound', 'spx_bound', 'SPK_bound'])
    t.notOk(isBoundKey(text), text);
});

t.test('a key of the one kind is not of the other', async (t) => {
  t.notOk(isCallerKey(makeCallerKey('spk_'), 'spx_'));
  t.notOk(isCallerKey(makeCallerKey('spx_'), 'spk_'));
});

t.test('finds an app key anywhere in a text, and no other thing', async (t) => {
  const key = makeCallerKey('spk_');
  for (const text of [
    key,
    `Bearer ${key}`,
    `a=${key}&b=1`,
    `x${key}x`,
    `spk_${key}`,
    `spk_1 ${key}`,
    `spk_${'1'.repeat(33)}${key}`,
  ]) {
    t.ok(containsAppKey(text), text.replace(key, '<key>'));
  }
  const wrong = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
  for (const text of ['', 'spk_', wrong, key.slice(1), key.slice(0, -1), makeCallerKey('spx_')]) {
    t.notOk(containsAppKey(text));
  }
});

t.test('what is stored of a key is base64url of its SHA-256', async (t) => {
  const key = makeCallerKey('spk_');
  t.equal(callerKeyHash(key), createHash('sha256').update(key).digest('base64url'));
  t.equal(callerKeyHash(key).length, 43);
});
