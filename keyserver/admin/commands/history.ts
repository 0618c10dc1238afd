import { count } from '../../operations/count.ts';
import { beginHistory } from '../../operations/history.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import type { Session } from '../shell/session.ts';

export function defineHistory(history: AdminCommand, session: Session): void {
  history
    .examples('keyserver-admin history new')
    .command('new')
    .summary('begin a new history after a restore or a failover')
    .description(
      `Begins a new history of changes, after the database was restored from a backup or failed over to a replica
that lacked the last changes. Running KeyServers and proxies then follow the database as it is now; without it
they reject what is older than they saw. Look at the apps and grants first: one that was revoked since the backup
is back. Exit code 1 if a document does not open.`,
    )
    .examples('keyserver-admin history new')
    .operation(session, async (context) => {
      const { history, seq, carried, broken } = await beginHistory(context);
      if (broken > 0) session.exitCode = faultsFoundExitCode;
      session.out.result(
        { history, seq, documents: carried, broken },
        `new history ${history}, from change ${seq}, with ${count(carried, 'document')}` +
          (broken > 0 ? `; ${count(broken, 'document')} did not open: see doctor` : ''),
      );
    });
}
