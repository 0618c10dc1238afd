import { randomUUID } from 'node:crypto';
import type { DocumentKind } from '../store/store.ts';
import type { OperationContext } from './context.ts';
import { changeDocument, listDocuments } from './documents.ts';

/**
 * Begins a new history of changes, for a database that was restored or failed over: proxies then drop all that they
 * know of the one before. The counter goes on from the time in milliseconds, which no counting reaches, and every
 * document gets a revision of the new history: otherwise running KeyServers would reject what is older than they saw.
 * Resolves to the new position, and to the numbers of documents that were carried over, and that do not open.
 */
export async function beginHistory(context: OperationContext) {
  const position = await context.store.newHistory(randomUUID(), context.clock.now());
  let carried = 0;
  let broken = 0;
  // Apps last: none may call before the types and proxies of the restored database hold.
  for (const kind of ['type', 'proxy', 'app'] satisfies DocumentKind[]) {
    for (const { id, content } of await listDocuments(context, kind)) {
      if (content === undefined) {
        broken += 1;
        continue;
      }
      await changeDocument(context, kind, id, (current) => current?.content ?? 'unchanged');
      carried += 1;
    }
  }
  return { ...position, carried, broken };
}
