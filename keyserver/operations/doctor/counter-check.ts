import { check } from '../../../shared/doctor/check.ts';
import { isDocumentKind } from '../../store/store.ts';
import type { ReadContext } from '../context.ts';
import type { Check } from './check.ts';

/**
 * Checks that no document or change is ahead of the change counter: a counter that was set back
 * repeats revisions, which running KeyServers reject. @throws StoreError
 */
export async function checkCounter({ store }: ReadContext): Promise<Check> {
  const seq = await store.lastSeq();
  const documents = (await store.documents()).filter(({ revision }) => revision > seq);
  const changes = await store.changesSince(seq);
  return check('change counter', `at ${seq}`, [
    ...documents.map(
      ({ kind, id, revision }) =>
        `${isDocumentKind(kind) ? `the ${kind}` : 'the document'} ${JSON.stringify(id)} has revision ${revision}, which is ahead of the counter`,
    ),
    ...changes.map((change) => `change ${change.seq} is ahead of the counter`),
  ]);
}
