import t from 'tap';
import { StreamedKeyWatch } from '../../../secureproxy/http/body-watch.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';

const key = makeCallerKey('spk_');
const misplaced = { code: 'request_invalid', options: { reason: 'app_key_misplaced' } };

/** The output for a text that comes in chunks of this size. */
function pass(text: string, size: number): { passed: string; error?: unknown } {
  const watch = new StreamedKeyWatch();
  const bytes = Buffer.from(text, 'latin1');
  let passed = '';
  try {
    for (let at = 0; at < bytes.length; at += size)
      passed += watch.write(bytes.subarray(at, at + size)).toString('latin1');
    return { passed: passed + watch.end().toString('latin1') };
  } catch (error) {
    return { passed, error };
  }
}

const sizes = [1, 2, 7, 39, 40, 41, 100, 10_000];

t.test('passes every byte of what has no key', async (t) => {
  for (const text of [
    '',
    's',
    'spk_',
    `${key.slice(0, -1)} ${key.slice(1)}`,
    's'.repeat(500),
    `${'ab'.repeat(3000)}spk`,
    key.replace('_', '-'),
    '\x00\xff'.repeat(100),
  ]) {
    for (const size of sizes) t.strictSame(pass(text, size), { passed: text });
  }
});

t.test('finds a key in any chunks, before all of it has passed', async (t) => {
  for (const lead of ['', 'x'.repeat(99), 'spk_spk_ss', `${'y'.repeat(9999)}s`]) {
    for (const size of sizes) {
      const { passed, error } = pass(`${lead}${key}`, size);
      t.match(error, misplaced);
      t.notMatch(passed, key.slice(0, 5));
      t.ok(`${lead}${key}`.startsWith(passed));
    }
  }
});

t.test('finds an escaped key in any chunks, before any of it has passed', async (t) => {
  const each = (before: string) =>
    [...key].map((one) => `${before}${one.charCodeAt(0).toString(16)}`).join('');
  for (const escaped of [
    key.replace('s', '\\u0073'),
    key.replace('p', '%70'),
    key.replace(key.slice(-1), `%25${key.charCodeAt(39).toString(16)}`),
    each('%'),
    each('%25252525'),
    each('\\u00'),
    `\\u0073${each('\\\\\\\\u00').slice(9)}`,
  ]) {
    for (const size of [...sizes, 3, 5, 11]) {
      const { passed, error } = pass(`before ${escaped}`, size);
      t.match(error, misplaced);
      t.ok('before '.startsWith(passed), passed);
    }
  }
});

t.test('passes what comes at once, but for the beginning of a key', async (t) => {
  const watch = new StreamedKeyWatch();
  t.equal(watch.write(Buffer.from('{"a":1}')).toString(), '{"a":1}');
  t.equal(watch.write(Buffer.from('keys')).toString(), 'key');
  t.equal(watch.write(Buffer.from('pk')).toString(), '');
  t.equal(watch.write(Buffer.from('_x-')).toString(), 'spk_x-');
  t.equal(watch.end().length, 0);
});

t.test('finds a spelling of up to 512 bytes in chunks of any size', async (t) => {
  const spell = (bytes: number) => {
    const extra = (bytes - 3 * key.length) / 2;
    const times = (at: number) =>
      Math.floor(extra / key.length) + (at < extra % key.length ? 1 : 0);
    return [...key]
      .map((one, at) => `%${'25'.repeat(times(at))}${one.charCodeAt(0).toString(16)}`)
      .join('');
  };
  t.equal(spell(512).length, 512);
  t.match(pass(spell(512), 1), { passed: '', error: misplaced });
  t.equal(pass(spell(514), 1).passed, spell(514));
});
