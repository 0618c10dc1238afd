import t from 'tap';
import type { Injection } from '../../../shared/policy/injection/schema.ts';
import { eachStore } from '../../support/database.ts';
import { legacyRow, newLegacyKey } from '../../support/legacy-rows.ts';
import { refusal, startScene, wanted } from '../scene.ts';

const text = 'kept by the earlier system, {"not": "parsed"}';
const refused = { status: 500, code: 'integrity_failed', reason: 'token_refused' };

t.test(
  'a row of the earlier system is refused, unless the unsafe switch gives its key',
  async (t) => {
    await eachStore(t, async (t, openStore) => {
      const store = await openStore();
      const legacyKey = newLegacyKey();
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

t.test('JSON is split if the type does not take it as a whole', async (t) => {
  const legacyKey = newLegacyKey();
  const { keyserver, ask } = await startScene(t, { legacyKey });
  const two = { scheme: 'headers', headers: { 'Client-Id': '{clientId}', 'Api-Key': '{apiKey}' } };
  await keyserver.putType(wanted.tokenType, { injection: two as Injection });
  const releasedOf = async (plaintext: string) => {
    await keyserver.store.putToken({ ...wanted, token: legacyRow(plaintext, legacyKey) });
    const { release } = await ask();
    return release.fields;
  };
  const exact = '12345678901234567890.50';
  t.same(await releasedOf(`{"clientId": ${exact}, "apiKey": "k", "more": "x"}`), {
    clientId: exact,
    apiKey: 'k',
  });
  for (const other of ['{"clientId": ["1"], "apiKey": "k"}', '{"clientId"', '[]', 'opaque', '{}']) {
    t.same(await releasedOf(other), {}, other);
  }
});

t.test('sealed rows are held to their seal under the unsafe switch, too', async (t) => {
  const legacyKey = newLegacyKey();
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
  const legacyKey = newLegacyKey();
  const { keyserver, ask } = await startScene(t, { legacyKey });
  const row = legacyRow(text, legacyKey);
  const bytes = Buffer.from(row, 'base64');
  const lastByteFlipped = Buffer.from(bytes);
  lastByteFlipped[bytes.length - 17] = (bytes.at(-17) ?? 0) ^ 0xff;
  const faults: Record<string, string> = {
    'another key': legacyRow(text.repeat(9), { ...newLegacyKey(), iv: legacyKey.iv }),
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
