import { globSync, readFileSync } from 'node:fs';
import t from 'tap';

const root = new URL('../../../', import.meta.url);
const sources = globSync('{shared,keyserver,secureproxy}/**/*.ts', { cwd: root.pathname });
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

t.test('only shared/crypto touches ciphers and derives keys', async (t) => {
  const ciphers =
    /\b(?:create(?:C|Dec)ipheriv|(?:public|private)(?:En|De)crypt|hkdf(?:Sync)?|subtle)\b/;
  t.ok(sources.some((path) => path.startsWith('shared/crypto/')));
  for (const path of sources.filter((path) => !path.startsWith('shared/crypto/'))) {
    t.notMatch(read(path), ciphers, path);
  }
});

// The check of lengths already refuses a cut tag; should it ever be lost, this holds.
t.test('every GCM cipher is told the length of its tag', async (t) => {
  const calls = read('shared/crypto/aead.ts').match(/create(?:C|Dec)ipheriv\([^;]*;/g) ?? [];
  t.equal(calls.length, 2);
  for (const call of calls) t.match(call, /authTagLength: tagBytes/);
});
