import { generateKeyring } from '../../keys/generate.ts';
import { deadAfterSeconds } from '../../replicas/report.ts';
import { keyringLost } from '../../storage/missing-keys.ts';
import type { Store } from '../../store/store.ts';
import { checkMigrated } from '../migrations.ts';
import { OperationError } from '../operation-error.ts';

/**
 * Makes the keyring of a new installation, and returns its key's name.
 * @throws ConfigError if one that is lost sealed rows; OperationError not_confirmed if a KeyServer has another one,
 * migrations_pending
 */
export async function makeKeyring(store: Store, folder: string, now: Date): Promise<string> {
  await checkMigrated(store);
  if (await store.needsKeyring()) throw keyringLost(folder);
  // Its MAC cannot be verified without its keyring; a forged row only refuses.
  const seen = (await store.replicas()).filter(
    ({ ageSeconds }) => Math.abs(ageSeconds) <= deadAfterSeconds,
  );
  if (seen.length > 0) {
    throw new OperationError(
      'not_confirmed',
      `${folder} has no keys, but a KeyServer that has some uses the database`,
      'copy its folder; one that was stopped counts for 30 seconds more',
    );
  }
  return generateKeyring(folder, now);
}
