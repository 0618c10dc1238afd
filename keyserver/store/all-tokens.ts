import { type Row, tokenRow } from './rows.ts';
import type { TokenRow } from './store.ts';

const batchRows = 500;

/**
 * All token rows, batch by batch; `read` resolves to the `limit` rows after the `last` one by key. Rows
 * of one name, which a table without a unique key can have, are never split between batches.
 */
export async function* tokenBatches(
  read: (last: Row | undefined, limit: number) => Promise<readonly Row[]>,
): AsyncGenerator<TokenRow> {
  let last: Row | undefined;
  let limit = batchRows;
  for (;;) {
    const rows = await read(last, limit);
    if (rows.length < limit) {
      yield* rows.map(tokenRow);
      return;
    }
    const complete = rows.slice(0, startOfLastName(rows));
    yield* complete.map(tokenRow);
    last = complete.at(-1) ?? last;
    limit = complete.length === 0 ? limit * 2 : batchRows;
  }
}

/** Index in `rows` of the first row with the last one's name. */
function startOfLastName(rows: readonly Row[]): number {
  const final = rows.at(-1);
  return rows.findIndex(
    (row) =>
      isSameKey(row.client_id, final?.client_id) && isSameKey(row.token_type, final?.token_type),
  );
}

function isSameKey(one: unknown, other: unknown): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array)
    return Buffer.compare(one, other) === 0;
  return one === other;
}
