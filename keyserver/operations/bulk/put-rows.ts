import type { BatchOutcome, PutTokens, Store } from '../../store/store.ts';
import { isStoreError } from '../../store/store-error.ts';
import { inputInvalid } from '../operation-error.ts';

/** Stores a batch. @throws OperationError input_invalid if the table cannot hold one of the rows */
export async function putRows(
  store: Pick<Store, 'putTokens'>,
  batch: PutTokens,
): Promise<BatchOutcome> {
  try {
    return await store.putTokens(batch);
  } catch (error) {
    if (!isStoreError(error, 'row_unfit')) throw error;
    throw inputInvalid(error.message, 'change the table (DB_TOKEN_TABLE), and run the same again');
  }
}
