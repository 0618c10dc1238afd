import t, { type Test } from 'tap';
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
