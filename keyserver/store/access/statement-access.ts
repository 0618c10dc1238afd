import { editDocument, editDocuments } from '../documents/document-statements.ts';
import { allDocuments } from '../documents/document-tables.ts';
import { imageAccess } from '../documents/image-statements.ts';
import { keyUses, replicas } from '../keys/replicas.ts';
import * as statements from '../statements.ts';
import type { Store } from '../store.ts';
import type { WalkedStore } from '../table-walk.ts';
import { announceAll } from '../token-batch.ts';
import * as tokens from '../token-statements.ts';

/** The part of both stores that only runs statements, within the usual timeout. */
export function statementAccess(work: Pick<WalkedStore, 'dialect' | 'read' | 'change'>) {
  const { dialect, read, change } = work;
  return {
    putToken: (row) => change(() => tokens.putToken(dialect, row)),
    announceAll: () => change(announceAll),
    deleteToken: (clientId, tokenType) =>
      change(() => tokens.deleteToken(dialect, clientId, tokenType)),

    documents: () => read(allDocuments),
    editDocument: (kind, id, edit, images) =>
      change(() => editDocument(dialect, { kind, id }, edit, images)),
    editDocuments: async (names, edit, images) => {
      await change(() => editDocuments(dialect, names, edit, images));
    },
    ...imageAccess(work),

    replicas: () => read(() => replicas(dialect)),
    keyUses: () => read(keyUses),

    position: () => read(statements.position),
    newHistory: (history, atLeast) => change(() => statements.newHistory(history, atLeast)),
    lastSeq: () => read(statements.lastSeq),
    changesSince: (seq) => read(() => statements.changesSince(seq)),
    needsKeyring: () => read(() => statements.needsKeyring(dialect)),
  } satisfies Partial<Store>;
}
