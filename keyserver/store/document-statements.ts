import { documentRow, isExactly } from './rows.ts';
import {
  type Dialect,
  maxNameChars,
  nextSeq,
  type Outcome,
  recordChange,
  type SqlCoroutine,
} from './statements.ts';
import type { DocumentEdit, DocumentKind, DocumentRow } from './store.ts';

/** Longest body of a document, which holds all of an app's grants; a longer one is truncated when read. */
export const maxBodyChars = 4_194_304;

const documentColumns = 'kind, id, revision, kid, body, mac';
const readDocuments =
  `SELECT SUBSTR(kind, 1, ${maxNameChars}) AS kind, SUBSTR(id, 1, ${maxNameChars}) AS id, revision, ` +
  `SUBSTR(kid, 1, ${maxNameChars}) AS kid, SUBSTR(body, 1, ${maxBodyChars}) AS body, ` +
  `SUBSTR(mac, 1, ${maxNameChars}) AS mac FROM documents`;

export function* documents(): SqlCoroutine<DocumentRow[]> {
  const { rows } = yield { sql: `${readDocuments} ORDER BY kind, id`, params: [] };
  return rows.map(documentRow);
}

/**
 * The newest row of a name, compared byte by byte: under a collation the query also finds other
 * documents, whose rights the edit would then seal under this name.
 */
function* findDocument(
  sql: Dialect,
  kind: DocumentKind,
  id: string,
): SqlCoroutine<{ newest: DocumentRow | undefined; rows: number }> {
  const { rows } = yield {
    sql: `${readDocuments} WHERE kind = ? AND id = ?${sql.forUpdate}`,
    params: [kind, id],
  };
  const exact = rows
    .filter((row) => isExactly(row, 'kind', kind) && isExactly(row, 'id', id))
    .map(documentRow)
    .sort((a, b) => b.revision - a.revision);
  return { newest: exact[0], rows: exact.length };
}

export function* editDocument(
  sql: Dialect,
  kind: DocumentKind,
  id: string,
  edit: DocumentEdit,
): SqlCoroutine<Outcome<DocumentRow | undefined>> {
  const seq = yield* nextSeq();
  const { newest: current, rows } = yield* findDocument(sql, kind, id);
  const next = edit(current, seq);
  if (next === undefined && current === undefined) return { changed: false, value: undefined };
  if (next === undefined || rows > 1) {
    yield { sql: 'DELETE FROM documents WHERE kind = ? AND id = ?', params: [kind, id] };
  }
  if (next !== undefined) {
    if (next.kind !== kind || next.id !== id || next.revision !== seq) {
      throw new TypeError('An edit must keep kind and id and carry the given revision');
    }
    const { kid, body, mac } = next;
    yield rows === 1
      ? {
          sql: 'UPDATE documents SET revision = ?, kid = ?, body = ?, mac = ? WHERE kind = ? AND id = ?',
          params: [seq, kid, body, mac, kind, id],
        }
      : {
          sql: `INSERT INTO documents (${documentColumns}) VALUES (?, ?, ?, ?, ?, ?)`,
          params: [kind, id, seq, kid, body, mac],
        };
  }
  yield* recordChange({ seq, kind, id });
  return { changed: true, value: next };
}
