import fc from 'fast-check';
import t from 'tap';
import { importKey } from '../../../shared/crypto/aead.ts';
import {
  changesRequestAad,
  changesResponseAad,
  openText,
  requestAad,
  responseAad,
  sealText,
} from '../../../shared/crypto/exchange.ts';
import { pae } from '../../../shared/crypto/pae.ts';
import { name, rawKey, seconds, text } from './arbitraries.ts';
import { isRefused } from './refusal.ts';

const nonce = fc.stringMatching(/^[A-Za-z0-9_-]{16,64}$/);
const request = fc.record({ clientId: name, tokenType: name, timestamp: seconds, nonce });

t.test('a credential opens in its own request', async () => {
  fc.assert(
    fc.property(rawKey, request, text, (raw, context, plaintext) => {
      const key = importKey(raw);
      const aad = requestAad(context);
      return openText(key, sealText(key, plaintext, aad), aad) === plaintext;
    }),
  );
});

t.test('a credential opens in no other request', async () => {
  const key = importKey(new Uint8Array(32));
  fc.assert(
    fc.property(
      request,
      request,
      fc.constantFrom('clientId', 'tokenType', 'timestamp', 'nonce'),
      (mine, other, member) => {
        fc.pre(mine[member] !== other[member]);
        const sealed = sealText(key, '{}', requestAad(mine));
        return isRefused(() =>
          openText(key, sealed, requestAad({ ...mine, [member]: other[member] })),
        );
      },
    ),
  );
});

t.test('an answer opens for the request that it answers alone', async () => {
  const key = importKey(new Uint8Array(32));
  fc.assert(
    fc.property(
      request,
      request,
      fc.constantFrom('clientId', 'tokenType', 'nonce'),
      (mine, other, member) => {
        fc.pre(mine[member] !== other[member]);
        const sealed = sealText(key, '{}', responseAad(mine));
        return (
          openText(key, sealed, responseAad(mine)) === '{}' &&
          isRefused(() =>
            openText(key, sealed, responseAad({ ...mine, [member]: other[member] })),
          ) &&
          isRefused(() => openText(key, sealed, responseAad({ ...mine, nonce: undefined })))
        );
      },
    ),
  );
});

t.test('a credential sent back is not an answer, nor an answer a credential', async () => {
  const key = importKey(new Uint8Array(32));
  fc.assert(
    fc.property(request, (context) => {
      const credential = sealText(key, '{}', requestAad(context));
      const answer = sealText(key, '{}', responseAad(context));
      return (
        isRefused(() => openText(key, credential, responseAad(context))) &&
        isRefused(() => openText(key, answer, requestAad(context)))
      );
    }),
  );
});

t.test('without a nonce the answer is bound to the empty one', async (t) => {
  const names = { clientId: 'shop-1', tokenType: 'ozon-seller' };
  t.strictSame(responseAad(names), responseAad({ ...names, nonce: '' }));
});

t.test('refuses sealed text that is not base64', async (t) => {
  const key = importKey(new Uint8Array(32));
  for (const sealed of ['', 'a', 'not base64', `${'A'.repeat(40)}=`]) {
    t.ok(
      isRefused(() => openText(key, sealed, new Uint8Array())),
      sealed,
    );
  }
});

t.test('what is sealed for the change feed is bound to its question alone', async (t) => {
  const question = { timestamp: 1_700_000_000, nonce: 'nonce-0123456789' };
  t.same(
    changesRequestAad(question),
    pae('skx1', 'changes-request', '1700000000', 'nonce-0123456789'),
  );
  t.same(changesResponseAad(question), pae('skx1', 'changes-response', 'nonce-0123456789'));
});
