import { openDocument, sealDocument } from '../../keyserver/at-rest/document-row.ts';
import { openSecret, sealSecret } from '../../keyserver/at-rest/secret.ts';
import type { Keyring } from '../../keyserver/keys/keyring.ts';
import type { OperationContext } from '../../keyserver/operations/context.ts';
import { isDocumentKind } from '../../keyserver/store/store.ts';

/** Seals every row and document again, under the primary key of `to`. */
export async function resealAll({ store, keyring }: OperationContext, to: Keyring): Promise<void> {
  for await (const row of store.listTokens()) {
    await store.putToken(sealSecret(to, row, openSecret(keyring, row)));
  }
  for (const { kind, id } of await store.documents()) {
    if (!isDocumentKind(kind)) continue;
    await store.editDocument(kind, id, (current, revision) => {
      if (current === undefined) return undefined;
      return sealDocument(to, kind, id, revision, openDocument(keyring, kind, current));
    });
  }
}
