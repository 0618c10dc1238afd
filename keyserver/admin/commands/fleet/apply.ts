import { commitDrafts } from '../../../operations/changes/drafts.ts';
import type { OperationContext } from '../../../operations/context.ts';
import { OperationError } from '../../../operations/operation-error.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import { canAsk, confirm, noteKeyless } from '../../shell/confirmation.ts';
import { UncertainError } from '../../shell/failure.ts';
import type { Session } from '../../shell/session.ts';
import { KeyFolder } from './key-folder.ts';
import {
  addFileOptions,
  type FileOptions,
  noteRest,
  type Planned,
  planMembers,
  planText,
  readPlan,
} from './planned.ts';

interface ApplyOptions extends FileOptions {
  readonly keysTo?: string;
  readonly yes?: boolean;
}

export function defineApply(command: AdminCommand, session: Session): void {
  addFileOptions(command)
    .description(
      `Makes types, apps with their grants, and proxies with their limits as the file has them, in one transaction.
Keys that exist stay; a new app or proxy has no key, unless --keys-to says where to write one.`,
    )
    .option(
      '--keys-to <folder>',
      'write a key for each app and proxy that has none into new files of this folder, with mode 0600',
    )
    .option('--yes', 'take away what plan says without being asked')
    .examples(
      'keyserver-admin apply --file fleet.yaml',
      'keyserver-admin apply --file fleet.yaml --keys-to new-keys --yes',
    )
    .action(async (options: ApplyOptions) => {
      const planWith = await readPlan(session, options);
      await session.withContext(async (context) => {
        const folder =
          options.keysTo === undefined
            ? undefined
            : new KeyFolder(session.io.folder, options.keysTo);
        const planned = await planWith(context);
        const settled = folder?.settle(planned.plan.stored) ?? [];
        await confirmPlan(session, planned, options);
        const keyFiles = [...settled, ...(await commit(context, planned, folder))];
        session.out.result(
          { ...planMembers(planned), ...(folder && { keyless: [], keyFiles }) },
          [
            planText(planned),
            ...keyFiles.map((file) => `new key in ${options.keysTo}/${file}`),
          ].join('\n'),
        );
        noteRest(session, planned.plan);
        if (folder === undefined) noteKeyless(session, planned.plan.keyless);
        folder?.checkNamed();
      });
    });
}

async function confirmPlan(
  session: Session,
  planned: Planned,
  { file, yes }: ApplyOptions,
): Promise<void> {
  const { consequences } = planned;
  if (consequences.length === 0) return;
  if (canAsk(session.io) && !yes) session.out.ask(`${planText(planned)}\n`);
  await confirm(session, { doing: `applying ${file}`, consequences, yes });
}

/** Resolves to the names of the files of new keys. */
async function commit(
  context: OperationContext,
  { plan }: Planned,
  folder: KeyFolder | undefined,
): Promise<string[]> {
  if (folder === undefined) {
    if (plan.drafts.length > 0) await commitDrafts(context, plan.drafts);
    return [];
  }
  const { withKeys } = await import('../../../operations/fleet/keys.ts');
  const { drafts, keys } = withKeys(context, plan);
  if (drafts.length === 0) return [];
  folder.check(keys);
  try {
    await commitDrafts(context, drafts, { beforeCommit: () => folder.write(keys) });
  } catch (error) {
    if (error instanceof OperationError) folder.discard();
    if (error instanceof OperationError || !folder.hasKeys) throw error;
    throw new UncertainError(
      error,
      'the changes may be made all the same: run the same command again with the same --keys-to, which takes up the keys in the .partial files',
    );
  }
  return folder.publish();
}
