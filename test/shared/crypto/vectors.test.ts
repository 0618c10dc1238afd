import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { isKid } from '../../../shared/crypto/kid.ts';
import { OpenError } from '../../../shared/crypto/open-error.ts';
import { publicKeyId } from '../../../shared/crypto/rsa-oaep.ts';
import { vectorFiles } from '../../vectors/generate.ts';
import { testKeys } from '../../vectors/source/key-wrap.ts';
import { traits } from './refusal.ts';
import { runners, type Vector } from './runners.ts';

interface VectorFile {
  readonly format: string;
  readonly success: readonly Vector[];
  readonly failure: readonly Vector[];
}

const directory = new URL('../../vectors/', import.meta.url);

const names = readdirSync(directory).filter((name) => name.endsWith('.json'));

for (const fileName of names) {
  const file: VectorFile = JSON.parse(readFileSync(new URL(fileName, directory), 'utf8'));
  t.test(file.format, async (t) => {
    const runner = runners[file.format];
    if (runner === undefined) throw new TypeError(`no runner for ${file.format}`);
    const { succeed, fail, fault = OpenError } = runner;
    for (const vector of file.success) {
      await t.test(`accepts ${vector.name}`, async (t) => succeed(t, vector));
    }
    for (const vector of file.failure) {
      await t.test(`refuses ${vector.name}`, async (t) => {
        t.ok(
          file.success.some(({ name }) => name === vector.of),
          'is a fault of a vector that succeeds',
        );
        const error = await attempt(() => fail(vector));
        t.ok(error instanceof fault, 'is refused');
        if (fault === OpenError) t.strictSame(traits(error), traits(new OpenError()));
      });
    }
    const all = [...file.success, ...file.failure].map(({ name }) => name);
    t.equal(new Set(all).size, all.length, 'every vector has its own name');
  });
}

/** The error that `action` throws or rejects with; undefined if it does neither. */
async function attempt(action: () => unknown): Promise<unknown> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return error;
  }
}

t.test('every format has its file and every file its runner', async (t) => {
  t.same(
    names.sort(),
    Object.keys(runners)
      .map((format) => `${format}.json`)
      .sort(),
  );
});

t.test('the committed vectors are what the generator makes', async (t) => {
  for (const file of vectorFiles()) {
    const committed = JSON.parse(readFileSync(new URL(`${file.format}.json`, directory), 'utf8'));
    t.strictSame(committed, JSON.parse(JSON.stringify(file)), file.format);
  }
});

t.test('the worked example of docs/protocol.md has the values of its vectors', async (t) => {
  const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const example = page.slice(page.indexOf('## 10. A worked example'));
  const shown: [format: string, name: string, members: (keyof Vector)[]][] = [
    ['key-wrap', 'plain', ['keyId', 'oaepSeedHex', 'sessionKeyHex', 'wrapped']],
    ['ticket', 'plain', ['ticketKeyHex', 'aadHex', 'ivHex', 'expiresAt', 'ticket']],
    ['token-row', 'plain', ['kid', 'rowKeyHex', 'aadHex', 'plaintext', 'row']],
  ];
  const vector = (format: string, wanted: string): Vector | undefined => {
    const path = new URL(`${format}.json`, directory);
    const { success }: VectorFile = JSON.parse(readFileSync(path, 'utf8'));
    return success.find(({ name }) => name === wanted);
  };
  for (const [format, name, members] of shown) {
    for (const member of members) {
      t.ok(example.includes(String(vector(format, name)?.[member])), `${format} ${member}`);
    }
  }
  const call = vector('exchange', 'proxy_call');
  t.ok(example.includes(JSON.stringify(call?.requestBody)), 'body of the request');
  for (const part of [call?.request, call?.response]) {
    for (const value of Object.values(part ?? {})) t.ok(example.includes(value), value);
    t.ok(part);
  }
});

t.test('the test key pairs belong together', async (t) => {
  const { primary, other } = testKeys();
  for (const { keyId, publicKeyPem, privateJwk } of [primary, other]) {
    const fromPrivate = createPublicKey(createPrivateKey({ key: privateJwk, format: 'jwk' }));
    t.ok(fromPrivate.equals(createPublicKey(publicKeyPem)));
    t.equal(publicKeyId(fromPrivate), keyId);
  }
});

t.test('a kid is one to 64 characters of base64url’s alphabet', async (t) => {
  for (const kid of ['a', '2026-a', 'A_b-9', 'x'.repeat(64)]) t.ok(isKid(kid), kid);
  for (const kid of ['', 'x'.repeat(65), 'a.b', 'a/b', 'a b', 'a\n', 'й', 7, null])
    t.notOk(isKid(kid));
});
