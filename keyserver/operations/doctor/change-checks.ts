import { check } from '../../../shared/doctor/check.ts';
import { isStoreError } from '../../store/store-error.ts';
import type { ReadContext } from '../context.ts';
import { skewedClocks } from '../keys/skewed-clocks.ts';
import { type Check, skipped } from './check.ts';

/** Checks what a change by this tool needs besides the rest. @throws StoreError */
export async function checkChanges(context: ReadContext): Promise<Check[]> {
  if (context.keyring === undefined) return [skipped('changes'), skipped('clocks')];
  return [
    check('changes', 'can be stored', await writeFindings(context), 'warning'),
    check('clocks', "this machine's and KeyServers'", await skewedClocks(context), 'warning'),
  ];
}

/** By a change that is taken back. A lock is no finding: others may change something at this moment. */
async function writeFindings({ store }: ReadContext): Promise<string[]> {
  try {
    const nothing = { rows: [], isSame: () => true, announce: false };
    await store.putTokens({ ...nothing, isRehearsal: true });
    return [];
  } catch (error) {
    if (isStoreError(error, 'locked') || isStoreError(error, 'timeout')) return [];
    if (isStoreError(error, 'read_only') || isStoreError(error, 'privilege_missing'))
      return [error.message];
    throw error;
  }
}
