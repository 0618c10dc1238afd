import { isDeepStrictEqual } from 'node:util';
import type { DocumentRow, PutTokens, TokenRow } from '../../store/store.ts';
import type { OperationContext } from '../context.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import { openedDocument } from './opened-rows.ts';

// Without a lock: a restore takes minutes, and others may begin one, or write, at any moment of it.

export const isSame: PutTokens['isSame'] = (stored, row) => stored.token === row.token;

/** {@link isSame} for a database that had nothing else. @throws OperationError changed_meanwhile */
export const isOurs: PutTokens['isSame'] = (stored, row) => {
  if (isSame(stored, row)) return true;
  throw written();
};

/** @throws OperationError input_invalid unless the database has nothing but rows of this backup */
export async function checkOnlyOurs(
  context: OperationContext,
  readBatches: () => AsyncIterable<TokenRow[]>,
  documents: readonly DocumentRow[],
): Promise<void> {
  if (await hasOtherDocuments(context, documents)) throw otherRows();
  let others = await countTokens(context);
  if (others === 0) return;
  for await (const rows of readBatches()) {
    const batch = { rows, isSame, announce: false, dryRun: true };
    others -= (await context.store.putTokens(batch)).unchanged;
  }
  if (others > 0) throw otherRows();
}

/** Whether a document is stored that is not as the backup has it. */
async function hasOtherDocuments(
  { store, keyring }: OperationContext,
  documents: readonly DocumentRow[],
): Promise<boolean> {
  const ours = new Map(
    documents.map((row) => [`${row.kind} ${row.id}`, openedDocument(keyring, row)]),
  );
  return (await store.documents()).some((row) => {
    const stored = openedDocument(keyring, row);
    const own = ours.get(`${row.kind} ${row.id}`);
    return stored === undefined || !isDeepStrictEqual(stored, own);
  });
}

async function countTokens({ store }: OperationContext): Promise<number> {
  let tokens = 0;
  for await (const _ of store.listTokens()) tokens += 1;
  return tokens;
}

function otherRows(): OperationError {
  return inputInvalid('the database has rows that are not of this backup', {
    do: 'restore_elsewhere',
  });
}

/** For a database with all its tokens. @throws OperationError changed_meanwhile if there are others, or other documents */
export async function checkUndisturbed(
  context: OperationContext,
  documents: readonly DocumentRow[],
  tokens: number,
): Promise<void> {
  if (await hasOtherDocuments(context, documents)) throw written();
  if ((await countTokens(context)) !== tokens) throw written();
}

function written(): OperationError {
  return new OperationError(
    'changed_meanwhile',
    'somebody else wrote to the database while the backup was restored',
    'tokens and documents of both may be stored: restore into an empty database that nobody writes to',
  );
}
