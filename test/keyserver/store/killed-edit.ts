import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { DocumentName, DocumentRow } from '../../../keyserver/store/store.ts';

/** Documents of one transaction that takes more than one statement to insert. */
export const manyNames: readonly DocumentName[] = Array.from({ length: 150 }, (_, n) => ({
  kind: 'app',
  id: `app-${String(n).padStart(3, '0')}`,
}));

export function rowsOf(revisions: readonly number[], body: string): DocumentRow[] {
  return manyNames.map((name, at) => ({
    ...name,
    revision: revisions[at] as number,
    kid: 'k',
    body,
    mac: 'm',
  }));
}

/** Dies as by `kill -9` when the last row is read, which is after others have been inserted. */
async function main(options: string): Promise<void> {
  const { engine, ...settings } = JSON.parse(options);
  const store = engine === 'mysql' ? openMysqlStore(settings) : openSqliteStore(settings);
  await store.editDocuments(manyNames, (_, revisions) => {
    const rows = rowsOf(revisions, 'killed');
    const last = rows.at(-1);
    if (last === undefined) return rows;
    Object.defineProperty(last, 'mac', { get: () => process.kill(process.pid, 'SIGKILL') });
    return rows;
  });
}

if (import.meta.main) await main(process.argv[2] ?? '');
