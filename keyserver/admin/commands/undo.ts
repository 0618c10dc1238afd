import type { Command } from 'commander';
import { consequencesOf } from '../../operations/changes/consequences.ts';
import { commitDrafts } from '../../operations/changes/drafts.ts';
import { anonymousApp } from '../../release/callers.ts';
import type { DocumentKind } from '../../store/store.ts';
import { canAsk, confirm, noteLosses } from '../shell/confirmation.ts';
import type { Session } from '../shell/session.ts';
import { inShell } from '../shell/suggestions.ts';
import { examples } from './examples.ts';

interface UndoOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const exampleIds: Record<DocumentKind, string> = {
  type: 'wildberries',
  app: 'reports',
  proxy: 'dc-1',
};
const keysStay: Record<DocumentKind, string> = {
  type: '',
  app: '\nKeys stay as they are: an app that was revoked comes back without one.',
  proxy: `
Keys, and the names of certificates that it must have, stay as they are: a proxy that was revoked comes back without a key.`,
};

/** `history` and `undo` of `type`, `app` and `proxy`. */
export function addUndo(parent: Command, session: Session, kind: DocumentKind): void {
  const argument = kind === 'type' ? '<type>' : '<id>';
  parent
    .command('history')
    .summary('list the last changes')
    .description(
      `Lists the last ten changes, the newest first, also of one that was deleted. Changes of keys alone are not kept.`,
    )
    .argument(argument, 'its name')
    .addHelpText(...examples(`keyserver-admin ${kind} history ${exampleIds[kind]}`))
    .action((id: string) => showHistory(session, kind, id));
  parent
    .command('undo')
    .summary('take the last change back')
    .description(
      `Takes the last change back, by a new one, also a deletion; once more does it again.${keysStay[kind]}`,
    )
    .argument(argument, 'its name')
    .option('--dry-run', 'show what it would change and take away, and change nothing')
    .option('--yes', 'do it without being asked')
    .addHelpText(
      ...examples(
        `keyserver-admin ${kind} undo ${exampleIds[kind]} --dry-run`,
        `keyserver-admin ${kind} undo ${exampleIds[kind]}`,
      ),
    )
    .action((id: string, options: UndoOptions) => undo(session, kind, id, options));
}

async function showHistory(session: Session, kind: DocumentKind, id: string): Promise<void> {
  const { readKeptChanges } = await import('../../operations/undo/kept-changes.ts');
  const { imageFault } = await import('../../operations/undo/undo.ts');
  await session.withContext(async (context) => {
    const { listed, chain } = await readKeptChanges(context, { kind, id }, { listsAll: true });
    session.out.result(
      listed,
      session.out.table(
        ['change', 'made at', 'difference'],
        listed.map(({ change, at, changes }) => [
          String(change),
          at ?? '',
          at === null ? 'does not open' : inOneLine(changes),
        ]),
        'no changes are kept',
      ),
    );
    const { faults, gaps } = chain;
    for (const gap of gaps) session.out.note(`note: ${gap}`);
    if (faults[0] !== undefined) throw imageFault(faults[0]);
  });
}

function inOneLine(changes: readonly string[] | null): string {
  const [first = 'not known', ...rest] = changes ?? [];
  return rest.length === 0 ? first : `${first}; and ${rest.length} more`;
}

async function undo(
  session: Session,
  kind: DocumentKind,
  id: string,
  { dryRun = false, yes }: UndoOptions,
): Promise<void> {
  const { readKeptChanges } = await import('../../operations/undo/kept-changes.ts');
  const { draftUndo } = await import('../../operations/undo/undo.ts');
  const { linesOf } = await import('../../operations/fleet/lines.ts');
  await session.withContext(async (context) => {
    const kept = await readKeptChanges(context, { kind, id });
    const draft = draftUndo(context, { kind, id }, kept);
    const changes = linesOf(draft);
    const consequences = await consequencesOf(context, kept.stored, [draft]);
    const undone = kept.last;
    const what = `change ${undone?.revision} of the ${kind} ${id}, of ${undone?.image?.at}`;
    if (dryRun) noteLosses(session, consequences);
    else {
      const isAsked = canAsk(session.io);
      if (isAsked && !yes) session.out.ask(`${changes.join('\n')}\n`);
      // A change that takes nothing away may give too much.
      const told = isAsked || yes ? consequences : [...changes, ...consequences];
      await confirm(session, { doing: `undoing ${what}`, consequences: told, yes });
      await commitDrafts(context, [draft]);
    }
    session.out.result(
      { id, undone: undone?.revision, changes, consequences, ...(dryRun && { dryRun }) },
      [`${dryRun ? 'would undo' : 'undid'} ${what}`, ...changes].join('\n'),
    );
    const isKeyless = draft.kind !== 'type' && draft.after?.keys.length === 0;
    if (draft.kind !== 'type' && isKeyless && id !== anonymousApp) {
      const how = inShell({ do: 'rotate', kind: draft.kind, id });
      session.out.note(`the ${kind} ${id} has no key; ${how}`);
    }
  });
}
