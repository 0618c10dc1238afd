import { check } from '../../../shared/doctor/check.ts';
import { isStoreError } from '../../store/store-error.ts';
import type { ReadContext } from '../context.ts';
import { skewedClocks } from '../keys/skewed-clocks.ts';
import { type Check, skipped } from './check.ts';

/** Checks what a change by this tool needs besides the rest. @throws StoreError */
export async function checkChanges(context: ReadContext): Promise<Check[]> {
  const { keyring } = context;
  if (keyring === undefined) return [skipped('changes'), skipped('clocks')];
  const clocks = await skewedClocks({ ...context, keyring });
  return [
    check('changes', 'can be stored', await writeFindings(context), 'warning'),
    check('clocks', "this machine's and KeyServers'", clocks, 'warning'),
  ];
}

/** By a change of nothing. A lock is no finding: others may change something at this moment. */
async function writeFindings({ store }: ReadContext): Promise<string[]> {
  try {
    await store.putTokens({ rows: [], isSame: () => true, announce: false });
    return [];
  } catch (error) {
    if (isStoreError(error, 'locked') || isStoreError(error, 'timeout')) return [];
    if (isStoreError(error, 'read_only') || isStoreError(error, 'privilege_missing'))
      return [error.message];
    throw error;
  }
}
