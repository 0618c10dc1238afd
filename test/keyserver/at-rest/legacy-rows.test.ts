import { createCipheriv, randomBytes } from 'node:crypto';
import t from 'tap';
import type { LegacyKey } from '../../../shared/crypto/legacy-row.ts';
import { eachStore } from '../../support/database.ts';
import { refusal, startScene, wanted } from '../scene.ts';

const text = 'kept by the earlier system, {"not": "parsed"}';
const refused = { status: 500, code: 'integrity_failed', reason: 'token_refused' };

function legacyRow(plaintext: string | Uint8Array, { key, iv }: LegacyKey, padding = true) {
  const cipher = createCipheriv('aes-256-cbc', key, iv).setAutoPadding(padding);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]).toString('base64');
}

const newKey = (): LegacyKey => ({ key: randomBytes(32), iv: randomBytes(16) });

t.test(
  'a row of the earlier system is refused, unless the unsafe switch gives its key',
  async (t) => {
    await eachStore(t, async (t, openStore) => {
      const store = await openStore();
      const legacyKey = newKey();
      const safe = await startScene(t, { store });
      const { settings } = safe.keyserver;
      const unsafe = await startScene(t, { store, legacyKey, settings });
      await store.putToken({ ...wanted, token: legacyRow(text, legacyKey) });
      t.same(refusal(await safe.ask()), refused);
      t.equal((await unsafe.ask()).status, 200);
      const { release } = await unsafe.ask();
      t.same(release.fields, { token: text }, 'always one field, never parsed');
      t.equal(release.expiresIn, null);
    });
  },
);

t.test('sealed rows are held to their seal under the unsafe switch, too', async (t) => {
  const legacyKey = newKey();
  const { keyserver, ask } = await startScene(t, { legacyKey });
  t.equal((await ask()).status, 200);
  await keyserver.putToken('shop-2', 'ozon-seller', 'x');
  const [other] = await keyserver.store.findTokens('shop-2', 'ozon-seller');
  await keyserver.store.putToken({ ...wanted, token: other?.token ?? '' });
  t.same(refusal(await ask()), refused, 'moved');
  await keyserver.store.putToken({ ...wanted, token: 'skt1.k9.AAAA' });
  t.same(refusal(await ask()), refused, 'an unknown kid');
});

t.test('every fault of such a row is the same answer', async (t) => {
  const legacyKey = newKey();
  const { keyserver, ask } = await startScene(t, { legacyKey });
  const row = legacyRow(text, legacyKey);
  const bytes = Buffer.from(row, 'base64');
  const lastByteFlipped = Buffer.from(bytes);
  lastByteFlipped[bytes.length - 17] = (bytes.at(-17) ?? 0) ^ 0xff;
  const faults: Record<string, string> = {
    'another key': legacyRow(text.repeat(9), { ...newKey(), iv: legacyKey.iv }),
    'wrong padding': lastByteFlipped.toString('base64'),
    'no padding': legacyRow('0123456789abcde\u0000', legacyKey, false),
    'a block cut off': bytes.subarray(0, -16).toString('base64'),
    'half a block cut off': bytes.subarray(0, -8).toString('base64'),
    'no base64': '%%%',
    'base64 with a line break': `${row}\n`,
    'letters of base64url': `-_${row.slice(2)}`,
    'no UTF-8': legacyRow(Buffer.of(0xff, 0xfe, 0xfd), legacyKey),
    nothing: '',
  };
  const seen = new Set<string>();
  for (const [title, token] of Object.entries(faults)) {
    await keyserver.store.putToken({ ...wanted, token });
    const exchange = await ask();
    t.same(refusal(exchange), refused, title);
    seen.add(exchange.answer.text.replace(/(?<="requestId":")[^"]+/, ''));
  }
  t.equal(seen.size, 1);
  t.notMatch(keyserver.logText(), text);
});
