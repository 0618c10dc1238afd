import type { TokenContext } from '../../shared/crypto/token-row.ts';
import { text, tokenRow } from './rows.ts';
import { chunks, insertion } from './sql-lists.ts';
import { type Dialect, type Outcome, query, type SqlCoroutine } from './statements.ts';
import type { TokenRow } from './store.ts';
import { nameKey, ofNames } from './token-statements.ts';

/** Rows of one statement; longer ones save hardly anything per row. */
const maxRows = 50;

export function* createLegacyCopy({ legacyCopy }: Dialect): SqlCoroutine<string> {
  const { quoted, definition, name } = legacyCopy;
  yield* query(`CREATE TABLE IF NOT EXISTS ${quoted} ${definition}`);
  return name;
}

export function* copyNewTokens(
  sql: Dialect,
  rows: readonly TokenRow[],
): SqlCoroutine<Outcome<void>> {
  yield* write(sql, sql.insertNew, rows);
  return { changed: true, value: undefined };
}

/** Copies rows; a name's copy is replaced. */
export function copyTokens(sql: Dialect, rows: readonly TokenRow[]): SqlCoroutine<void> {
  return write(sql, 'REPLACE', rows);
}

function* write(sql: Dialect, verb: string, rows: readonly TokenRow[]): SqlCoroutine<void> {
  for (const some of chunks(rows, maxRows)) {
    const values = some.map(({ clientId, tokenType, token }) => [clientId, tokenType, token]);
    const into = `${verb} INTO ${sql.legacyCopy.quoted}`;
    yield insertion(into, ['client_id', 'token_type', 'token'], values);
  }
}

export function* copiedTokens(
  sql: Dialect,
  names: readonly TokenContext[],
): SqlCoroutine<(string | undefined)[]> {
  const found = new Map<string, string>();
  for (const some of chunks(names, maxRows)) {
    const { sql: where, params } = ofNames(some);
    const rows = yield* query(
      `SELECT client_id, token_type, token FROM ${sql.legacyCopy.quoted} WHERE ${where}`,
      params,
    );
    for (const row of rows) found.set(nameKey(tokenRow(row)), text(row, 'token'));
  }
  return names.map((name) => found.get(nameKey(name)));
}
