import { createHash, randomUUID } from 'node:crypto';
import t from 'tap';
import { isFoundLoosely, isGuessable } from '../../../shared/policy/secret-strength.ts';

/** Bytes that look random and are the same in every run. */
const random = (i: number) => createHash('sha512').update(`generated ${i}`).digest();
const seeds = Array.from({ length: 500 }, (_, i) => i);

t.test('secrets that people make up could be guessed', async (t) => {
  for (const secret of [
    '',
    'x',
    'Tr0ub4dor&3!<"',
    'k9$Zq2vM7x',
    'marketplace2024',
    'my-shop-password',
    'Marketplace-2026!',
    'qwertyuiop1234567890',
    '12345678901234567890',
    'a'.repeat(300),
    '2024202420242024',
    'a1a1a1a1a1a1a1a1',
    'P@ssw0rdP@ssw0rd',
    'changeme-changeme-changeme',
    'Пароль-магазина-2024',
  ]) {
    t.ok(isGuessable(secret), secret);
  }
});

t.test('generated secrets could not', async (t) => {
  t.notOk(isGuessable(randomUUID()));
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    const guessable = seeds.filter((i) => isGuessable(random(i).toString(encoding).slice(0, 24)));
    t.same(guessable, [], encoding);
  }
});

t.test('only a secret with enough letters and digits is found by these alone', async (t) => {
  t.ok(isFoundLoosely('abcdef-123456'));
  t.notOk(isFoundLoosely('abcde-12345-ab'), 'no run of six');
  t.notOk(isFoundLoosely('abcdef-12345'), 'eleven');
});

t.test('a secret of fewer than 16 characters could be guessed, whatever they are', async (t) => {
  const generated = 'k9Zq2vM7xP0w4RtB';
  t.equal(generated.length, 16);
  t.notOk(isGuessable(generated));
  t.ok(isGuessable(generated.slice(1)));
});
