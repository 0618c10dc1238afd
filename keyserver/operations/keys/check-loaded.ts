import { isLive, type Report } from '../../replicas/report.ts';
import { StoreError } from '../../store/store-error.ts';
import type { OperationContext } from '../context.ts';
import { OperationError } from '../operation-error.ts';
import type { Suggestion } from '../suggestion.ts';
import { readReplicas } from './confirm.ts';

type Sealing = Pick<OperationContext, 'store' | 'keyring'>;

/**
 * To call before rows are sealed: a KeyServer that has not loaded the primary key could not open them.
 * @throws OperationError not_confirmed, also for a KeyServer whose report does not open
 */
export async function checkLoaded(context: Sealing): Promise<void> {
  const { primaryKid, primaryId } = context.keyring;
  await checkLive(
    context,
    ({ atRest }) => atRest.keys.includes(primaryId),
    `has not loaded the primary key ${primaryKid}`,
    'bring the key to its folder, where it is loaded within two seconds, or bring its keys and primary here',
  );
}

/** Whether any KeyServer reports, so that {@link checkLoaded} can tell. */
export async function hasLiveReplica(context: Sealing): Promise<boolean> {
  return (await readReplicas(context)).some(isLive);
}

/** {@link checkLoaded} before a change, which itself tells if the database does not answer, or is of an earlier schema. */
export async function checkBeforeSealing(context: Sealing): Promise<void> {
  try {
    await checkLoaded(context);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
}

/** To call before rows get the earlier system's format again. @throws OperationError not_confirmed */
export async function checkServesLegacyRows(context: Sealing): Promise<void> {
  await checkLive(
    context,
    ({ servesLegacyRows }) => servesLegacyRows === true,
    'does not serve rows of the earlier system',
    'set UNSAFE_LEGACY_ROWS=1 for every KeyServer and restart them; one that was killed counts for 30 seconds more',
  );
}

async function checkLive(
  context: Sealing,
  test: (report: Report) => boolean,
  fault: string,
  suggestion: Suggestion,
): Promise<void> {
  const failing = (await readReplicas(context))
    .filter((replica) => isLive(replica) && !(replica.report && test(replica.report)))
    .map(({ report }) => report?.host ?? 'one whose report does not open');
  if (failing.length === 0) return;
  const hosts = [...new Set(failing)].join(', ');
  throw new OperationError('not_confirmed', `a KeyServer ${fault}: ${hosts}`, suggestion);
}
