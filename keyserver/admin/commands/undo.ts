import { consequencesOf } from '../../operations/changes/consequences.ts';
import type { Draft } from '../../operations/changes/drafts.ts';
import { count } from '../../operations/count.ts';
import type { ListedChange } from '../../operations/undo/kept-changes.ts';
import type { Undo } from '../../operations/undo/undo.ts';
import { anonymousApp } from '../../release/callers.ts';
import type { DocumentKind, DocumentName } from '../../store/store.ts';
import { type AdminCommand, exampleIds } from '../shell/admin-command.ts';
import { canAsk, confirm, noteKeyless, noteLosses } from '../shell/confirmation.ts';
import type { Session } from '../shell/session.ts';
import type { ChangeOptions } from './confirm-change.ts';

interface UndoOptions extends ChangeOptions {
  readonly change?: string;
}

const keysStay: Record<DocumentKind, string> = {
  type: '',
  app: '\nKeys stay as they are: an app that was revoked comes back without one.',
  proxy: `
Keys, and the names of certificates that it must have, stay as they are: a proxy that was revoked comes back without a key.`,
};
/** The part of a document that no undo compares. */
const besides: Record<DocumentKind, string> = {
  type: '',
  app: ' except for keys, which stay',
  proxy: " except for keys and certificates' names, which stay",
};

export function addUndo(parent: AdminCommand, session: Session, kind: DocumentKind): void {
  const argument = kind === 'type' ? '<type>' : '<id>';
  parent
    .command('history')
    .summary('list the last changes')
    .description(
      `Lists the last ten changes, the newest first, also of one that was deleted. Changes of keys alone are not kept.`,
    )
    .argument(argument, 'its name')
    .examples(`keyserver-admin ${kind} history ${exampleIds[kind]}`)
    .action((id: string) => showHistory(session, { kind, id }));
  parent
    .command('undo')
    .summary('take the last change back, or all since one')
    .description(
      `Takes the last change back, by a new one, also a deletion. With --change the ${kind} is put back to what it was before
that change, whatever came after; nothing is changed if it is so already. After an undo the next needs --change.${keysStay[kind]}`,
    )
    .argument(argument, 'its name')
    .option('--change <n>', `the oldest change to take back, as ${kind} history numbers it`)
    .option('--dry-run', 'show what it would change and take away, and change nothing')
    .option('--yes', 'do it without being asked')
    .examples(
      `keyserver-admin ${kind} undo ${exampleIds[kind]} --dry-run`,
      `keyserver-admin ${kind} undo ${exampleIds[kind]} --change 12`,
    )
    .action((id: string, options: UndoOptions) => undo(session, { kind, id }, options));
}

async function showHistory(session: Session, name: DocumentName): Promise<void> {
  const { readKeptChanges } = await import('../../operations/undo/kept-changes.ts');
  const { imageFault } = await import('../../operations/undo/undo.ts');
  await session.withContext(async (context) => {
    const { later: listed, chain } = await readKeptChanges(context, name, 'none');
    session.out.result(
      listed,
      session.out.table(
        ['change', 'made at', 'difference'],
        listed.map((one) => [String(one.change), one.at ?? '', inOneLine(one)]),
        'no changes are kept',
      ),
    );
    for (const gap of chain.gaps) session.out.note(`note: ${gap}`);
    if (chain.faults[0] !== undefined) throw imageFault(chain.faults[0]);
  });
}

function inOneLine({ at, undid, keysChangedAt, changes }: ListedChange): string {
  if (at === null) return 'does not open';
  const [first = 'not known', ...rest] = changes ?? [];
  return [
    `${undid === null ? '' : `undid ${undid}: `}${first}`,
    ...(rest.length > 0 ? [`and ${rest.length} more`] : []),
    ...(keysChangedAt === null ? [] : [`keys changed at ${keysChangedAt}`]),
  ].join('; ');
}

async function undo(session: Session, name: DocumentName, options: UndoOptions): Promise<void> {
  const { readKeptChanges } = await import('../../operations/undo/kept-changes.ts');
  const { commitUndo, draftUndo, parseChange } = await import('../../operations/undo/undo.ts');
  const { linesOf } = await import('../../operations/fleet/lines.ts');
  const { dryRun = false, yes } = options;
  const sought = options.change === undefined ? 'last' : parseChange(options.change);
  await session.withContext(async (context) => {
    const kept = await readKeptChanges(context, name, sought);
    const undo = draftUndo(context, name, sought, kept);
    const { draft } = undo;
    if (draft === undefined) return sayDone(session, name, undo);
    const { later } = kept;
    const changes = linesOf(draft);
    const shown = [...later.map(alsoUndone), ...changes];
    const consequences = await consequencesOf(context, kept.stored, [draft]);
    const what = described(undo, draft, later.length);
    // Others may have come after the one that is named.
    for (const gap of sought === 'last' ? [] : kept.chain.gaps) session.out.note(`note: ${gap}`);
    if (dryRun) noteLosses(session, consequences);
    else {
      const isAsked = canAsk(session.io);
      if (isAsked && !yes) session.out.ask(`${shown.join('\n')}\n`);
      // A change that takes nothing away may give too much.
      const told = isAsked || yes ? consequences : [...shown, ...consequences];
      await confirm(session, { doing: `undoing ${what}`, consequences: told, yes });
      await commitUndo(context, undo, draft);
    }
    session.out.result(
      { id: name.id, undone: undo.change, later, changes, consequences, ...(dryRun && { dryRun }) },
      [`${dryRun ? 'would undo' : 'undid'} ${what}`, ...shown].join('\n'),
    );
    noteNoKey(session, draft);
  });
}

function sayDone({ out }: Session, { kind, id }: DocumentName, { change }: Undo): void {
  out.result(
    { id, undone: null, later: [], changes: [], consequences: [] },
    `nothing to undo: the ${kind} ${id} is as it was before change ${change}${besides[kind]}`,
  );
}

function described({ change, at }: Undo, { kind, id, after }: Draft, later: number): string {
  return [
    `change ${change} of the ${kind} ${id}, of ${at}`,
    ...(later > 0 ? [`and ${count(later, 'change')} after it`] : []),
    ...(after === undefined ? [`which deletes the ${kind}`] : []),
  ].join(', ');
}

function alsoUndone(change: ListedChange): string {
  return `with it goes change ${change.change}, of ${change.at}: ${inOneLine(change)}`;
}

function noteNoKey(session: Session, { kind, id, after }: Draft): void {
  if (kind === 'type' || after?.keys.length !== 0 || id === anonymousApp) return;
  noteKeyless(session, [{ kind, id }]);
}
