import { integer, text } from '../rows.ts';
import { type Dialect, maxNameChars, query, repeat, type SqlCoroutine } from '../statements.ts';
import type { KeyUse, ReplicaRow, SeenReplica } from '../store.ts';

/** Kept for longer than tickets live, since a process that ended may have issued some. */
const keptSeconds = 3600;
const maxReplicas = 1000;
const maxBodyChars = 65_536;

/** A process forgets the reports of long ago at its first beat, and every so many. */
const beatsPerCleaning = 100;

/**
 * Stores a process's latest report, and sometimes forgets those of long ago: by their ids, since a scan would lock rows
 * that others store. To be run without a transaction, which would hold the lock of its own row meanwhile.
 */
export function* putReplica(sql: Dialect, row: ReplicaRow): SqlCoroutine<void> {
  const { id, beat, kid, body, mac } = row;
  yield* query(
    `REPLACE INTO replicas (id, beat, kid, body, mac, seen_at) VALUES (?, ?, ?, ?, ?, ${sql.now})`,
    [id, beat, kid, body, mac],
  );
  if (beat % beatsPerCleaning !== 1) return;
  const isOld = `seen_at < ${sql.now} - ${keptSeconds}`;
  const rows = yield* query(
    `SELECT SUBSTR(id, 1, ${maxNameChars}) AS id FROM replicas WHERE ${isOld} LIMIT ${maxReplicas}`,
  );
  yield* repeat(
    `DELETE FROM replicas WHERE id = ? AND ${isOld}`,
    rows.map((old) => [text(old, 'id')]),
  );
}

export function* replicas(sql: Dialect): SqlCoroutine<SeenReplica[]> {
  const rows = yield* query(
    `SELECT SUBSTR(id, 1, ${maxNameChars}) AS id, beat, SUBSTR(kid, 1, ${maxNameChars}) AS kid, ` +
      `SUBSTR(body, 1, ${maxBodyChars}) AS body, SUBSTR(mac, 1, ${maxNameChars}) AS mac, ` +
      `${sql.now} - seen_at AS age FROM replicas ORDER BY id LIMIT ${maxReplicas}`,
  );
  return rows.map((row) => ({
    ...{ id: text(row, 'id'), beat: integer(row, 'beat'), kid: text(row, 'kid') },
    ...{ body: text(row, 'body'), mac: text(row, 'mac'), ageSeconds: integer(row, 'age') },
  }));
}

export function* putKeyUses(uses: readonly KeyUse[]): SqlCoroutine<void> {
  for (const { hash, day } of uses) {
    yield* query('REPLACE INTO key_uses (hash, day) VALUES (?, ?)', [hash, day]);
  }
}

export function* keyUses(): SqlCoroutine<KeyUse[]> {
  const rows = yield* query(
    'SELECT SUBSTR(hash, 1, 64) AS hash, SUBSTR(day, 1, 10) AS day FROM key_uses LIMIT 100000',
  );
  return rows.map((row) => ({ hash: text(row, 'hash'), day: text(row, 'day') }));
}
