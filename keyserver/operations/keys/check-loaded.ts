import { isLive } from '../../replicas/report.ts';
import { StoreError } from '../../store/store-error.ts';
import type { OperationContext } from '../context.ts';
import { OperationError } from '../operation-error.ts';
import { readReplicas } from './confirm.ts';

type Sealing = Pick<OperationContext, 'store' | 'keyring'>;

/**
 * To call before rows are sealed: a KeyServer that has not loaded the primary key could not open them.
 * @throws OperationError not_confirmed, also for a KeyServer whose report does not open
 */
export async function checkLoaded(context: Sealing): Promise<void> {
  const { primaryKid, primaryId } = context.keyring;
  const lacking = (await readReplicas(context))
    .filter(isLive)
    .filter(({ report }) => report?.atRest.keys.includes(primaryId) !== true)
    .map(({ report }) => report?.host ?? 'one whose report does not open');
  if (lacking.length === 0) return;
  throw new OperationError(
    'not_confirmed',
    `a KeyServer has not loaded the primary key ${primaryKid}: ${[...new Set(lacking)].join(', ')}`,
    'bring the key to its folder, where it is loaded within two seconds, or bring its keys and primary here',
  );
}

/** {@link checkLoaded} before a change, which itself tells if the database does not answer, or is of an earlier schema. */
export async function checkBeforeSealing(context: Sealing): Promise<void> {
  try {
    await checkLoaded(context);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
}
