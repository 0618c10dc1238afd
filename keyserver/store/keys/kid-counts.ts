import { isKid } from '../../../shared/crypto/kid.ts';
import { integer, text } from '../rows.ts';
import type { Dialect, SqlCoroutine } from '../statements.ts';
import type { KidCount } from '../store.ts';

/** Numbers of rows by the at-rest key that sealed them. The whole token table is read. */
export function* kidCounts(sql: Dialect): SqlCoroutine<KidCount[]> {
  const counts = new Map<string, { tokens: number; documents: number }>();
  const add = (kid: string, what: 'tokens' | 'documents', rows: number) => {
    if (!isKid(kid)) return;
    const known = counts.get(kid) ?? { tokens: 0, documents: 0 };
    known[what] += rows;
    counts.set(kid, known);
  };
  const tokens = yield {
    sql:
      `SELECT ${sql.tokenHead} AS head, COUNT(*) AS total FROM ${sql.tokenTable} ` +
      "WHERE token LIKE 'skt1.%' GROUP BY head",
    params: [],
  };
  for (const row of tokens.rows) {
    const [version, kid = ''] = text(row, 'head').split('.');
    if (version === 'skt1') add(kid, 'tokens', integer(row, 'total'));
  }
  const documents = yield {
    sql: 'SELECT SUBSTR(kid, 1, 65) AS kid, COUNT(*) AS total FROM documents GROUP BY kid',
    params: [],
  };
  for (const row of documents.rows) add(text(row, 'kid'), 'documents', integer(row, 'total'));
  return [...counts].map(([kid, rows]) => ({ kid, ...rows }));
}
