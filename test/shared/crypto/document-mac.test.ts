import fc from 'fast-check';
import t from 'tap';
import { importKey } from '../../../shared/crypto/aead.ts';
import { checkDocumentMac, documentMac } from '../../../shared/crypto/document-mac.ts';
import { flipBit, kid, name, text } from './arbitraries.ts';
import { isRefused } from './refusal.ts';

const context = fc.record({
  kid,
  kind: fc.constantFrom('type', 'app', 'proxy'),
  id: name,
  revision: fc.nat(),
  body: text,
});
const key = importKey(new Uint8Array(32).fill(3));

t.test('a document’s own MAC passes', async () => {
  fc.assert(
    fc.property(context, (context) => {
      checkDocumentMac(key, context, documentMac(key, context));
    }),
  );
});

t.test('refuses a document of which any member was changed', async () => {
  const member = fc.constantFrom('kid', 'kind', 'id', 'revision', 'body');
  fc.assert(
    fc.property(context, context, member, (mine, other, member) => {
      fc.pre(mine[member] !== other[member]);
      const mac = documentMac(key, mine);
      return isRefused(() => checkDocumentMac(key, { ...mine, [member]: other[member] }, mac));
    }),
  );
});

t.test('refuses a changed MAC and another key’s', async () => {
  const otherKey = importKey(new Uint8Array(32).fill(4));
  fc.assert(
    fc.property(context, fc.nat(), (context, choice) => {
      const mac = flipBit(Buffer.from(documentMac(key, context), 'base64url'), choice);
      return (
        isRefused(() => checkDocumentMac(key, context, mac.toString('base64url'))) &&
        isRefused(() => checkDocumentMac(key, context, documentMac(otherKey, context)))
      );
    }),
  );
});
