import t, { type Test } from 'tap';
import { sealDocument } from '../../../keyserver/at-rest/document-row.ts';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { createApp } from '../../../keyserver/operations/callers.ts';
import { putToken } from '../../../keyserver/operations/tokens.ts';
import { putType } from '../../../keyserver/operations/types.ts';
import { StoreError } from '../../../keyserver/store/store-error.ts';
import { install } from '../admin/installation.ts';

const token = { clientId: 'shop-1', tokenType: 'x', fields: { token: 'made-up' } };

/** A context whose store rejects a token with `error`. */
async function failingWith(t: Test, error: Error) {
  const context = (await install(t)).context(t);
  await putType(context, 'x', {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  });
  return { ...context, store: { ...context.store, putToken: () => Promise.reject(error) } };
}

t.test('a row that the token table cannot hold is bad input', async (t) => {
  const context = await failingWith(t, new StoreError('row_unfit', 'A column is too short'));
  await t.rejects(putToken(context, token), {
    name: 'OperationError',
    code: 'input_invalid',
    message: 'A column is too short',
  });
});

t.test('any other error of the store stays what it is', async (t) => {
  for (const error of [
    new RangeError('Maximum call stack size exceeded'),
    new StoreError('locked', 'The row stayed locked by others'),
  ]) {
    await t.rejects(putToken(await failingWith(t, error), token), error);
  }
});

t.test('a new name must show; a name that exists goes on to work', async (t) => {
  const context = (await install(t)).context(t);
  const policy = {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers' as const, headers: { Authorization: '{token}' } },
  };
  const unseen = 'x\u200b';
  await putType(context, 'x', policy);
  const refused = { code: 'input_invalid', message: /a character that does not show/ };
  await t.rejects(putType(context, unseen, policy), refused);
  await t.rejects(createApp(context, unseen), refused);
  await t.rejects(putToken(context, { ...token, clientId: unseen }), refused);
  // Stored before the rule.
  const { keyring, store } = context;
  await store.editDocument('type', unseen, (_row, revision) =>
    sealDocument(keyring, 'type', unseen, revision, policy),
  );
  await store.putToken(
    sealSecret(keyring, { clientId: unseen, tokenType: unseen }, { fields: token.fields }),
  );
  await putType(context, unseen, { ...policy, cacheSeconds: 1 });
  t.match(await putToken(context, { ...token, clientId: unseen, tokenType: unseen }), {
    replaced: true,
  });
  t.match(await putToken(context, { ...token, clientId: unseen }), { replaced: false });
});
