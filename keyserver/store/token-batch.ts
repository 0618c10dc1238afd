import { chunks } from './sql-lists.ts';
import {
  type Dialect,
  nextSeq,
  type Outcome,
  query,
  recordChanges,
  repeat,
  type SqlCoroutine,
} from './statements.ts';
import type { BatchOutcome, PutTokens, TokenRow } from './store.ts';
import { exactKeys, findTokensOfAll, rewritten } from './token-statements.ts';

/** Names that one statement asks for; more would make the server plan longer than it reads. */
const namesAtOnce = 256;
/** More changes are not announced one by one: SecureProxy forgets all releases then. */
const maxAnnounced = 100;

/** Stores rows whose names differ. @throws StoreError row_unfit, after which nothing is stored */
export function* putTokens(
  sql: Dialect,
  { rows, isSame, announce, dryRun = false, isRehearsal = false }: PutTokens,
): SqlCoroutine<Outcome<BatchOutcome>> {
  // Every change locks the counter first, so that none waits for another in a circle.
  const seq = announce && !dryRun ? yield* nextSeq() : Number.NaN;
  if (!announce && !dryRun) yield* query('UPDATE change_counter SET seq = seq WHERE id = 1');
  const changed: TokenRow[] = [];
  let added = 0;
  for (const some of chunks(rows, namesAtOnce)) {
    const { add, replace, repeated } = yield* compare(sql, some, isSame);
    added += add.length;
    changed.push(...add, ...replace, ...repeated);
    if (!dryRun) yield* write(sql, { add, replace, repeated });
  }
  if (announce && !dryRun && changed.length <= maxAnnounced) yield* announceEach(seq, changed);
  const value = {
    added,
    replaced: changed.length - added,
    unchanged: rows.length - changed.length,
  };
  return { changed: changed.length > 0 && !dryRun && !isRehearsal, value };
}

/** Takes a number that no change has: readers of the changes then reload everything. */
export function* announceAll(): SqlCoroutine<Outcome<void>> {
  yield* nextSeq();
  return { changed: true, value: undefined };
}

function* announceEach(first: number, changed: readonly TokenRow[]): SqlCoroutine<void> {
  for (const [i, { clientId, tokenType }] of changed.entries()) {
    const seq = i === 0 ? first : yield* nextSeq();
    yield* recordChanges([{ seq, kind: 'token', id: clientId, tokenType }]);
  }
}

interface Writes {
  readonly add: readonly TokenRow[];
  readonly replace: readonly TokenRow[];
  /** Rows of a name that has several. */
  readonly repeated: readonly TokenRow[];
}

function* compare(
  sql: Dialect,
  rows: readonly TokenRow[],
  isSame: PutTokens['isSame'],
): SqlCoroutine<Writes> {
  const stored = yield* findTokensOfAll(sql, rows);
  const add = rows.filter((_, i) => stored[i]?.length === 0);
  const replace = rows.filter((row, i) => {
    const [only, ...others] = stored[i] ?? [];
    return only !== undefined && others.length === 0 && !isSame(only, row);
  });
  return { add, replace, repeated: rows.filter((_, i) => (stored[i]?.length ?? 0) > 1) };
}

function* write(sql: Dialect, { add, replace, repeated }: Writes): SqlCoroutine<void> {
  const exact = exactKeys(sql);
  yield* repeat(
    `UPDATE ${sql.tokenTable} SET token = ? WHERE ${exact.sql}`,
    replace.map((row) => [row.token, ...exact.params(row)]),
  );
  yield* repeat(`DELETE FROM ${sql.tokenTable} WHERE ${exact.sql}`, repeated.map(exact.params));
  yield* repeat(
    `INSERT INTO ${sql.tokenTable} (client_id, token_type, token) VALUES (?, ?, ?)`,
    [...repeated, ...add].map(({ clientId, tokenType, token }) => [clientId, tokenType, token]),
  );
  const written = [...add, ...replace, ...repeated];
  const stored = yield* findTokensOfAll(sql, written);
  const isKept = ({ token }: TokenRow, i: number) =>
    stored[i]?.length === 1 && stored[i][0]?.token === token;
  if (!written.every(isKept)) throw rewritten();
}
