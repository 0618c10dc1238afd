import type { AdminContext } from '../../operations/context.ts';
import { isDocumentKind } from '../../store/store.ts';
import { type Check, check } from './check.ts';

/**
 * Whether the change counter is at or behind all that it counted: one that was set back repeats
 * revisions, which running KeyServers refuse. @throws StoreUnavailableError
 */
export async function checkCounter({ store }: AdminContext): Promise<Check> {
  const seq = await store.lastSeq();
  const documents = (await store.documents()).filter(({ revision }) => revision > seq);
  const changes = await store.changesSince(seq);
  return check('change counter', `at ${seq}`, [
    ...documents.map(
      ({ kind, id, revision }) =>
        `${isDocumentKind(kind) ? `the ${kind}` : 'the document'} ${JSON.stringify(id)} has revision ${revision}, which was not counted yet`,
    ),
    ...changes.map((change) => `change ${change.seq} was not counted yet`),
  ]);
}
