import { DatabaseSync } from 'node:sqlite';
import { documentRow, type Row, text } from '../../keyserver/store/rows.ts';
import type { DocumentKind, DocumentRow } from '../../keyserver/store/store.ts';
import { storagePlaces } from '../../local/state.ts';
import type { OwnScene } from './attack.ts';

/** Someone who can write to KeyServer's database, past all of its programs. */
export class DatabaseUser {
  readonly #database: DatabaseSync;

  constructor({ folder }: OwnScene) {
    this.#database = new DatabaseSync(storagePlaces(folder).DB_FILE, { timeout: 5000 });
  }

  token(client: string, type: string): string {
    const sql = 'SELECT token FROM storage WHERE client_id = ? AND token_type = ?';
    return text(this.#row(sql, client, type), 'token');
  }

  setToken(client: string, type: string, token: string): void {
    this.#run(
      'UPDATE storage SET token = ? WHERE client_id = ? AND token_type = ?',
      token,
      client,
      type,
    );
  }

  document(kind: DocumentKind, id: string): DocumentRow {
    const row = documentRow(
      this.#row('SELECT * FROM documents WHERE kind = ? AND id = ?', kind, id),
    );
    if (row === undefined) throw new Error(`no row of ${kind} ${id}`);
    return row;
  }

  /** Writes a row as it is, over one of its kind and id. */
  putDocument({ kind, id, revision, kid, body, mac }: DocumentRow): void {
    this.#run(
      'INSERT OR REPLACE INTO documents (kind, id, revision, kid, body, mac) VALUES (?, ?, ?, ?, ?, ?)',
      kind,
      id,
      revision,
      kid,
      body,
      mac,
    );
  }

  /** Edits a document's body, and leaves its MAC. */
  editBody(kind: DocumentKind, id: string, edit: (body: Record<string, unknown>) => object): void {
    const row = this.document(kind, id);
    this.putDocument({ ...row, body: JSON.stringify(edit(JSON.parse(row.body))) });
  }

  /** Moves the change counter, which makes KeyServer read the documents again. */
  moveCounter(by: number): void {
    this.#run('UPDATE change_counter SET seq = seq + ?', by);
  }

  /** Runs statements, all or none. */
  execute(sql: string): void {
    this.#database.exec(`BEGIN IMMEDIATE; ${sql}; COMMIT`);
  }

  close(): void {
    this.#database.close();
  }

  #row(sql: string, ...params: string[]): Row {
    return this.#database.prepare(sql).get(...params) ?? {};
  }

  #run(sql: string, ...params: (string | number)[]): void {
    this.#database.prepare(sql).run(...params);
  }
}
