import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../store-error.ts';
import type { MigrationDatabase } from './database.ts';

/** Longer than any single migration may take, since the lock is not renewed during one. */
const leaseSeconds = 90;
/** Longer than a lease, so that the lease of a process that died expires within it. */
const waitMs = 120_000;
const pollMs = 100;

/**
 * Runs `work` while no other process migrates. The lock is a row with an owner and an expiry by the
 * database's clock, since clusters replicate rows but not GET_LOCK. `renew` starts a new lease.
 * @throws StoreError locked, also from `renew` if the lock was lost
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
  const deadline = performance.now() + waitMs;
  while (!(await take(`(owner = '' OR owner = ? OR expires_at < ${database.now})`))) {
    if (performance.now() > deadline) {
      throw new StoreError('locked', 'Another process is migrating the schema');
    }
    await sleep(pollMs);
  }
  try {
    return await work(async () => {
      if (!(await take('owner = ?'))) {
        throw new StoreError('locked', 'The schema lock was lost to another process');
      }
    });
  } finally {
    // If this fails, the lease expires.
    await database
      .execute({
        sql: "UPDATE schema_lock SET owner = '', expires_at = 0 WHERE id = 1 AND owner = ?",
        params: [owner],
      })
      .catch(() => {});
  }
}
