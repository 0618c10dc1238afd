import { isKid } from '../../../shared/crypto/kid.ts';
import { integer, text } from '../rows.ts';
import { type Dialect, query, type SqlCoroutine } from '../statements.ts';
import type { KidCount } from '../store.ts';

export function* kidCounts(sql: Dialect): SqlCoroutine<KidCount[]> {
  const counts = new Map<string, { tokens: number; documents: number }>();
  const add = (kid: string, what: 'tokens' | 'documents', rows: number) => {
    const known = counts.get(kid) ?? { tokens: 0, documents: 0 };
    known[what] += rows;
    counts.set(kid, known);
  };
  const tokens = yield* query(
    `SELECT ${sql.tokenHead} AS head, COUNT(*) AS total FROM ${sql.tokenTable} ` +
      "WHERE token LIKE 'skt1.%' GROUP BY head",
  );
  for (const row of tokens) {
    const [version, kid = ''] = text(row, 'head').split('.');
    if (version === 'skt1' && isKid(kid)) add(kid, 'tokens', integer(row, 'total'));
  }
  for (const [kid, total] of yield* rowsByKid('documents')) add(kid, 'documents', total);
  return [...counts].map(([kid, rows]) => ({ kid, ...rows }));
}

export function* rowsByKid(
  table: 'documents' | 'document_images',
): SqlCoroutine<ReadonlyMap<string, number>> {
  const rows = yield* query(
    `SELECT SUBSTR(kid, 1, 65) AS kid, COUNT(*) AS total FROM ${table} GROUP BY kid`,
  );
  const counts = rows.map((row) => [text(row, 'kid'), integer(row, 'total')] as const);
  return new Map(counts.filter(([kid]) => isKid(kid)));
}
