import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../store.ts';
import type { MigrationDatabase } from './database.ts';

/** Longer than any one migration may take, as that cannot renew the lock. */
const leaseSeconds = 90;
/** Longer than a lease, so that one left by a process that died is outwaited. */
const waitMs = 120_000;
const pollMs = 100;

/**
 * Runs `work` while this process alone migrates. The lock is a row with an owner and an expiry by
 * the database's clock, since clusters replicate rows but not GET_LOCK. `renew` begins a new lease
 * and rejects where the lock was lost.
 */
export async function withSchemaLock<T>(
  database: MigrationDatabase,
  work: (renew: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const owner = randomUUID();
  const expiry = `${database.now} + ${leaseSeconds}`;
  const take = async (condition: string): Promise<boolean> => {
    const { affected } = await database.execute({
      sql: `UPDATE schema_lock SET owner = ?, expires_at = ${expiry} WHERE id = 1 AND ${condition}`,
      params: [owner, owner],
    });
    return affected === 1;
  };
  const giveUpAt = performance.now() + waitMs;
  while (!(await take(`(owner = '' OR owner = ? OR expires_at < ${database.now})`))) {
    if (performance.now() > giveUpAt) {
      throw new StoreUnavailableError('Another process is migrating the schema');
    }
    await sleep(pollMs);
  }
  try {
    return await work(async () => {
      if (!(await take('owner = ?'))) {
        throw new StoreUnavailableError('The schema lock was lost to another process');
      }
    });
  } finally {
    // Where this fails, too, the lease runs out.
    await database
      .execute({
        sql: "UPDATE schema_lock SET owner = '', expires_at = 0 WHERE id = 1 AND owner = ?",
        params: [owner],
      })
      .catch(() => {});
  }
}
