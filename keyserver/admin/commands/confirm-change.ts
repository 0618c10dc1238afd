import type { DocumentBody } from '../../at-rest/document-row.ts';
import type { CallerKind } from '../../operations/callers.ts';
import { consequencesOf } from '../../operations/changes/consequences.ts';
import { type Draft, StoredDocuments } from '../../operations/changes/drafts.ts';
import type { OperationContext } from '../../operations/context.ts';
import { confirm } from '../shell/confirmation.ts';
import type { Session } from '../shell/session.ts';

interface Change<K extends CallerKind> {
  readonly kind: K;
  readonly id: string;
  readonly doing: string;
  readonly yes: boolean | undefined;
  readonly change: (before: DocumentBody<K>) => DocumentBody<K>;
}

/**
 * Asks for a confirmation if the change of an app or proxy takes something away; one that is not there, or
 * does not open, is the operation's to reject.
 */
export async function confirmChange<K extends CallerKind>(
  session: Session,
  context: OperationContext,
  { kind, id, doing, yes, change }: Change<K>,
): Promise<void> {
  const stored = await StoredDocuments.read(context);
  const { row, before } = stored.get(kind, id);
  if (before === undefined) return;
  const draft = { kind, id, row, before, after: change(before) } as unknown as Draft;
  const consequences = await consequencesOf(context, stored, [draft]);
  if (consequences.length > 0) await confirm(session, { doing, consequences, yes });
}
