import t from 'tap';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { importKey } from '../../../shared/crypto/aead.ts';
import { sealTokenRow } from '../../../shared/crypto/token-row.ts';
import { eachStore } from '../../support/database.ts';
import { refusal, secretText, startScene, wanted } from '../scene.ts';

const refused = { status: 500, code: 'integrity_failed', reason: 'token_refused' };

t.test('a row that is not what was sealed does not open', async (t) => {
  await eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const { keyserver, ask } = await startScene(t, { store });
    const [row] = await store.findTokens('shop-1', 'ozon-seller');
    const token = row?.token ?? '';
    const [version, kid, sealed = ''] = token.split('.');
    const bytes = Buffer.from(sealed, 'base64url');
    const flipped = (at: number) => {
      const copy = Buffer.from(bytes);
      copy[at < 0 ? copy.length + at : at] = (copy.at(at) ?? 0) ^ 1;
      return `${version}.${kid}.${copy.toString('base64url')}`;
    };
    const own = (text: string, purpose: 'rows' | 'documents' = 'rows') =>
      sealTokenRow('k1', keyserver.keyring.primary(purpose), wanted, text);
    await keyserver.putToken('shop-2', 'ozon-seller', 'of another client');
    await keyserver.putToken('shop-1', 'other', 'of another type');
    await keyserver.putToken('shop-', '1ozon-seller', 'of names that join alike');
    const moved = async (clientId: string, tokenType: string) =>
      (await store.findTokens(clientId, tokenType))[0]?.token ?? '';
    const damages: Record<string, string> = {
      'moved from another client': await moved('shop-2', 'ozon-seller'),
      'moved from another type': await moved('shop-1', 'other'),
      'moved from names that join alike': await moved('shop-', '1ozon-seller'),
      'a bit of the iv': flipped(0),
      'a bit of the ciphertext': flipped(12),
      'a bit of the tag': flipped(-1),
      'a tag of 12 bytes': `${version}.${kid}.${bytes.subarray(0, -4).toString('base64url')}`,
      'a tag of 4 bytes': `${version}.${kid}.${bytes.subarray(0, -12).toString('base64url')}`,
      'cut to the iv': `${version}.${kid}.${bytes.subarray(0, 12).toString('base64url')}`,
      'a kid that is not ours': `${version}.k2.${sealed}`,
      'a kid of objects': `${version}.__proto__.${sealed}`,
      'no kid': `${version}..${sealed}`,
      'another version': `skt2.${kid}.${sealed}`,
      'a part more': `${token}.${sealed}`,
      'a part less': `${version}.${sealed}`,
      'white space after': `${token}\n`,
      padding: `${token}=`,
      nothing: '',
      'plain text': secretText,
      'the earlier system’s format': Buffer.alloc(32, 7).toString('base64'),
      'sealed by another key': sealTokenRow(
        'k1',
        importKey(Buffer.alloc(32, 9)),
        wanted,
        '{"fields":{"token":"x"}}',
      ),
      'sealed for documents': own('{"fields":{"token":"x"}}', 'documents'),
      'sealed, but no JSON': own(secretText),
      'sealed, but no fields': own('{}'),
      'sealed, but a list': own('[]'),
      'sealed, but null': own('null'),
      'sealed, but a number for a field': own('{"fields":{"token":1}}'),
      'sealed, but members more': own('{"fields":{"token":"x"},"admin":true}'),
      'sealed, but a number for the expiry': own('{"fields":{"token":"x"},"expiresAt":1}'),
    };
    for (const [title, damaged] of Object.entries(damages)) {
      await store.putToken({ ...wanted, token: damaged });
      const exchange = await ask();
      t.same(refusal(exchange), refused, title);
      t.notMatch(exchange.answer.text, secretText, title);
    }
    t.notMatch(keyserver.logText(), secretText, 'nor does the log say what was in it');
    await store.putToken({ ...wanted, token });
    t.equal((await ask()).status, 200);
  });
});

t.test('two rows for one name are refused, whichever opens', async (t) => {
  await eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE old_tokens (client_id VARCHAR(100), token_type VARCHAR(100), token TEXT)',
    );
    const store = await openStore({ tokenTable: 'old_tokens' });
    const { keyserver, ask } = await startScene(t, { store });
    t.equal((await ask()).status, 200, 'a table of those three columns works');
    const { token } = sealSecret(keyserver.keyring, wanted, { fields: { token: 'x' } });
    for (const second of [token, 'rubbish']) {
      await execute('DELETE FROM old_tokens');
      await keyserver.putToken(wanted.clientId, wanted.tokenType, secretText);
      await execute(
        `INSERT INTO old_tokens VALUES ('${wanted.clientId}', '${wanted.tokenType}', '${second}')`,
      );
      t.same(refusal(await ask()), {
        status: 500,
        code: 'integrity_failed',
        reason: 'duplicate_rows',
      });
    }
  });
});

t.test('a name that only the collation takes for another has its own token', async (t) => {
  await eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE old_tokens (client_id VARCHAR(100), token_type VARCHAR(100), token TEXT)',
    );
    const store = await openStore({ tokenTable: 'old_tokens' });
    const { keyserver, ask } = await startScene(t, { store });
    await keyserver.putToken('SHOP-1', 'ozon-seller', 'in capitals');
    t.same((await ask()).release.fields, { token: secretText });
    t.same((await ask({ clientId: 'SHOP-1' })).release.fields, { token: 'in capitals' });
    t.same(refusal(await ask({ clientId: 'Shop-1' })), { status: 404, code: 'token_not_found' });
  });
});
