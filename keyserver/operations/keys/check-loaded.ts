import { isLive } from '../../replicas/report.ts';
import type { OperationContext } from '../context.ts';
import { OperationError } from '../operation-error.ts';
import { readReplicas } from './confirm.ts';

/**
 * To call before rows are sealed: a KeyServer that has not loaded the primary key could not open them.
 * @throws OperationError not_confirmed, also for a KeyServer whose report does not open
 */
export async function checkLoaded(context: OperationContext): Promise<void> {
  const { primaryKid, primaryId } = context.keyring;
  const lacking = (await readReplicas(context))
    .filter(isLive)
    .filter(({ report }) => report?.atRest.keys.includes(primaryId) !== true)
    .map(({ report }) => report?.host ?? 'one whose report does not open');
  if (lacking.length === 0) return;
  throw new OperationError(
    'not_confirmed',
    `a KeyServer has not loaded the primary key ${primaryKid}: ${[...new Set(lacking)].join(', ')}`,
    'bring the key to its folder first, where it is loaded within two seconds',
  );
}
