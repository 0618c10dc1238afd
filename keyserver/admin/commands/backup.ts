import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { backUp } from '../../operations/backup/backup.ts';
import type { BackupSource } from '../../operations/backup/checked-lines.ts';
import { restore } from '../../operations/backup/restore.ts';
import { count } from '../../operations/count.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import { writeNewFile } from '../bulk/new-file.ts';
import { withProgress } from '../bulk/progress.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import { cannotRead, readable } from '../shell/input-file.ts';
import type { Session } from '../shell/session.ts';

export function defineBackup(command: AdminCommand, session: Session): void {
  command
    .argument('<file>', 'a new file')
    .description(
      `Writes all tokens, types, apps and proxies of one moment into a new file: sealed as they lie, with a MAC over
the whole, and without the keys, which need a backup of their own. Exit code 1 if a row does not open, or several
tokens have one name: the backup is complete all the same.`,
    )
    .examples('keyserver-admin backup /var/backups/keyserver/2026-11-28.backup')
    .action(async (file: string) => {
      if (file === '-') {
        throw inputInvalid(
          'a backup is not written to stdout',
          'name a new file, or ./- for this one',
        );
      }
      const path = resolve(session.io.folder, file);
      await session.withContext(async (context) => {
        const result = await withProgress(session.io, (progress) =>
          writeNewFile(path, (write) => backUp(context, write, progress)),
        );
        if (result.broken > 0) session.exitCode = faultsFoundExitCode;
        session.out.result(
          { file, ...result },
          `backed up ${contents(result)} to ${file}${brokenNote(result.broken)}`,
        );
      });
    });
}

export function defineRestore(command: AdminCommand, session: Session): void {
  command
    .argument('<file>', 'a file of keyserver-admin backup')
    .description(
      `Restores a backup into an empty database, with the keyring of its time. The file and the keyring are verified
before anything is written. If it ends early, run it again, and it goes on. It ends with a new history, as history new
does: look at the apps and grants then, since one that was revoked after the backup is back. Exit code 1 if a row
does not open, or several tokens have one name: those are left out.`,
    )
    .option('--merge', 'put its rows over those stored, and leave others as they are')
    .examples('keyserver-admin restore /var/backups/keyserver/2026-11-28.backup')
    .operation(session, async (context, file: string, { merge = false }: { merge?: boolean }) => {
      const result = await withBackup(resolve(session.io.folder, file), file, (source) =>
        withProgress(session.io, (progress) => restore(context, source, { merge, progress })),
      );
      if (result.broken > 0) session.exitCode = faultsFoundExitCode;
      session.out.result(
        { file, ...result },
        `restored ${contents(result)} of ${result.createdAt}${brokenNote(result.broken)}`,
      );
    });
}

function contents({ documents, tokens }: { documents: number; tokens: number }): string {
  return `${count(tokens, 'token')} and ${count(documents, 'document')}`;
}

function brokenNote(broken: number): string {
  return broken === 0 ? '' : `; ${count(broken, 'row')} did not open or shared a name: see doctor`;
}

/** One open file, so that what is restored is what was verified, even if another one takes its name meanwhile. */
async function withBackup<T>(
  path: string,
  file: string,
  work: (source: BackupSource) => Promise<T>,
): Promise<T> {
  const name = `the file ${file}`;
  const hint = 'name a backup';
  // Otherwise a pipe without a writer would keep the command waiting.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    throw cannotRead(error, name, hint);
  });
  try {
    if (!(await handle.stat()).isFile()) {
      throw inputInvalid(
        `${file} is not a regular file`,
        'a backup is read more than once: write it to a file first',
      );
    }
    return await work(() =>
      readable(
        () => handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 262_144 }),
        name,
        hint,
      ),
    );
  } finally {
    await handle.close();
  }
}
