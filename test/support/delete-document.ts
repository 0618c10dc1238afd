import type { OperationContext } from '../../keyserver/operations/context.ts';
import type { DocumentKind } from '../../keyserver/store/store.ts';

/** Deletes a document without a question. */
export async function deleteDocument(
  { store }: OperationContext,
  kind: DocumentKind,
  id: string,
): Promise<void> {
  await store.editDocument(kind, id, () => undefined);
}
