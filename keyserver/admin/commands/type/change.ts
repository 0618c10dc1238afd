import type { Policy } from '../../../../shared/policy/schema.ts';
import { consequencesOf } from '../../../operations/changes/consequences.ts';
import { describeCa } from '../../../operations/changes/describe-ca.ts';
import { commitDrafts, type Draft, StoredDocuments } from '../../../operations/changes/drafts.ts';
import type { OperationContext } from '../../../operations/context.ts';
import { checkNewName } from '../../../operations/documents.ts';
import { NamesAlike } from '../../../operations/names-alike.ts';
import { checkPolicy, type PolicyChange, putResult } from '../../../operations/types.ts';
import { confirm, noteLosses } from '../../shell/confirmation.ts';
import type { Session } from '../../shell/session.ts';
import type { ChangeOptions } from '../confirm-change.ts';

interface TypeChange extends ChangeOptions {
  readonly force?: boolean;
  /** The policy that a type of this one is to have; undefined if there is none, or it does not open. */
  readonly next: (before: Policy | undefined, isStored: boolean) => Policy;
}

/** Changes a type after saying what is to be confirmed, or with `--dry-run` says it alone. */
export async function changeType(
  session: Session,
  context: OperationContext,
  id: string,
  { next, force = false, dryRun = false, yes }: TypeChange,
): Promise<void> {
  const stored = await StoredDocuments.read(context);
  const { row, before } = stored.get('type', id);
  if (row === undefined) checkNewName('type', id);
  const warnings = new NamesAlike(stored.ids('type')).add('type', id);
  session.out.warn(warnings);
  const policy = next(before, row !== undefined);
  checkPolicy(context, id, policy);
  const { outcome, changes } = putResult(id, row && { content: before }, policy, force);
  const drafts: Draft[] =
    outcome === 'unchanged' ? [] : [{ kind: 'type', id, row, before, after: policy }];
  const consequences = await consequencesOf(context, stored, drafts);
  if (dryRun) noteLosses(session, consequences);
  else if (consequences.length > 0) {
    const doing = `${row ? 'changing' : 'defining'} the type ${id}`;
    await confirm(session, { doing, consequences, yes });
  }
  if (!dryRun && drafts.length > 0) await commitDrafts(context, drafts);
  const done =
    outcome === 'unchanged' || !dryRun ? `${outcome} ${id}` : `${id} would be ${outcome}`;
  session.out.result(
    {
      ...{ id, outcome, changes, policy, consequences },
      ...(warnings.length > 0 && { warnings }),
      ...(dryRun && { dryRun }),
    },
    [done, ...changes.map(describeChange)].join('\n'),
  );
}

function describeChange({ member, from, to }: PolicyChange): string {
  const text = (value: unknown) =>
    member === 'ca' && value !== undefined
      ? describeCa(value as string)
      : (JSON.stringify(value) ?? 'not set');
  return `  ${member}: ${text(from)} -> ${text(to)}`;
}
