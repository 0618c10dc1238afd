import type { TokenContext } from '../../shared/crypto/token-row.ts';
import { text, tokenRow } from './rows.ts';
import type { Dialect, Outcome, SqlCoroutine } from './statements.ts';
import type { TokenRow } from './store.ts';
import { nameKey } from './token-statements.ts';

/** Rows of one statement; longer ones save hardly anything per row. */
const maxRows = 50;

/** Creates the table of rows as the earlier system had them if it is missing; returns its name. */
export function* createLegacyCopy({ legacyCopy }: Dialect): SqlCoroutine<string> {
  const { quoted, definition, name } = legacyCopy;
  yield { sql: `CREATE TABLE IF NOT EXISTS ${quoted} ${definition}`, params: [] };
  return name;
}

/** Copies rows whose names have no copy yet. */
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
  for (let from = 0; from < rows.length; from += maxRows) {
    const some = rows.slice(from, from + maxRows);
    yield {
      sql:
        `${verb} INTO ${sql.legacyCopy.quoted} (client_id, token_type, token) ` +
        `VALUES ${some.map(() => '(?, ?, ?)').join(', ')}`,
      params: some.flatMap(({ clientId, tokenType, token }) => [clientId, tokenType, token]),
    };
  }
}

/** The copied tokens of these names, in the same order; undefined for a name that has none. */
export function* copiedTokens(
  sql: Dialect,
  names: readonly TokenContext[],
): SqlCoroutine<(string | undefined)[]> {
  const found = new Map<string, string>();
  for (let from = 0; from < names.length; from += maxRows) {
    const some = names.slice(from, from + maxRows);
    const { rows } = yield {
      sql:
        `SELECT client_id, token_type, token FROM ${sql.legacyCopy.quoted} WHERE ` +
        some.map(() => '(client_id = ? AND token_type = ?)').join(' OR '),
      params: some.flatMap(({ clientId, tokenType }) => [clientId, tokenType]),
    };
    for (const row of rows) found.set(nameKey(tokenRow(row)), text(row, 'token'));
  }
  return names.map((name) => found.get(nameKey(name)));
}
