import { consequencesOf } from '../../operations/changes/consequences.ts';
import { commitDrafts, type Draft, StoredDocuments } from '../../operations/changes/drafts.ts';
import type { OperationContext } from '../../operations/context.ts';
import { confirm } from '../shell/confirmation.ts';
import type { Session } from '../shell/session.ts';

export interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

interface Change {
  /** Works the change out from what is stored. @throws OperationError if it cannot be made */
  readonly draft: (stored: StoredDocuments) => Draft;
  readonly doing: string;
  readonly yes: boolean | undefined;
  /** Asks also if it takes nothing away; default false. */
  readonly isAlwaysAsked?: boolean;
}

/**
 * Makes a change as it was shown and confirmed; resolves to what it took away.
 * @throws OperationError confirmation_required, changed_meanwhile if the document is another one by then
 */
export async function changeConfirmed(
  session: Session,
  context: OperationContext,
  { draft, doing, yes, isAlwaysAsked = false }: Change,
): Promise<string[]> {
  const stored = await StoredDocuments.read(context);
  const change = draft(stored);
  const consequences = await consequencesOf(context, stored, [change]);
  if (isAlwaysAsked || consequences.length > 0) {
    await confirm(session, { doing, consequences, yes });
  }
  await commitDrafts(context, [change]);
  return consequences;
}
