import fc from 'fast-check';
import t from 'tap';
import { importKey } from '../../../shared/crypto/aead.ts';
import { openTokenRow, sealTokenRow, tokenRowKid } from '../../../shared/crypto/token-row.ts';
import { flipBit, kid, name, rawKey, text } from './arbitraries.ts';
import { isRefused } from './refusal.ts';

const context = fc.record({ clientId: name, tokenType: name });

t.test('a row opens where it was sealed for, and names its key', async () => {
  fc.assert(
    fc.property(kid, rawKey, context, text, (kid, raw, context, plaintext) => {
      const key = importKey(raw);
      const row = sealTokenRow(kid, key, context, plaintext);
      const opened = openTokenRow(row, context, (wanted) => (wanted === kid ? key : undefined));
      return opened === plaintext && tokenRowKid(row) === kid;
    }),
  );
});

t.test('refuses a row that was moved to another client or type', async () => {
  const key = importKey(new Uint8Array(32));
  fc.assert(
    fc.property(context, context, (mine, other) => {
      fc.pre(mine.clientId !== other.clientId && mine.tokenType !== other.tokenType);
      const row = sealTokenRow('k', key, mine, '{}');
      const opens = (at: typeof mine) => !isRefused(() => openTokenRow(row, at, () => key));
      return (
        opens(mine) &&
        !opens({ ...mine, clientId: other.clientId }) &&
        !opens({ ...mine, tokenType: other.tokenType }) &&
        !opens(other)
      );
    }),
  );
});

t.test('refuses a row whose kid was rewritten, even to the name of the same key', async (t) => {
  const key = importKey(new Uint8Array(32));
  const context = { clientId: 'shop-1', tokenType: 'ozon-seller' };
  const row = sealTokenRow('first', key, context, '{}');
  t.ok(isRefused(() => openTokenRow(row.replace('first', 'second'), context, () => key)));
});

t.test('refuses any flipped bit of the sealed part', async () => {
  const key = importKey(new Uint8Array(32));
  const context = { clientId: 'shop-1', tokenType: 'ozon-seller' };
  fc.assert(
    fc.property(text, fc.nat(), (plaintext, choice) => {
      const row = sealTokenRow('k', key, context, plaintext);
      const changed = flipBit(Buffer.from(row.slice('skt1.k.'.length), 'base64url'), choice);
      return isRefused(() =>
        openTokenRow(`skt1.k.${changed.toString('base64url')}`, context, () => key),
      );
    }),
  );
});

t.test('a row of the earlier system has no kid', async (t) => {
  for (const row of [
    '',
    'skt1',
    'skt1.k',
    'skt1..AAAA',
    'skt2.k.AAAA',
    'skt1.k.AAAA.',
    'q83vEjRWeJA=',
  ]) {
    t.equal(tokenRowKid(row), undefined, row);
  }
});
