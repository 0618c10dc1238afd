import { migrateDown } from '../../operations/migrations.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import type { Session } from '../shell/session.ts';

export function defineMigrate(command: AdminCommand, session: Session): void {
  command
    .description('Brings the schema up to date, or takes the newest migration back.')
    .option('--down', 'take the newest migration back; stop KeyServer first')
    .option('--force', 'take it back even if types, apps and proxies are lost with it')
    .examples('keyserver-admin migrate', 'keyserver-admin migrate --down')
    .action(async ({ down = false, force = false }: { down?: boolean; force?: boolean }) => {
      await session.withStore(async (store) => {
        if (down) {
          const takenBack = await migrateDown(store, { dropDocuments: force });
          session.out.result(
            { takenBack: takenBack ?? null },
            takenBack === undefined ? 'no migration is applied' : `took back ${takenBack}`,
          );
          return;
        }
        const applied = await store.migrate();
        session.out.result(
          { applied },
          applied.length === 0 ? 'up to date' : applied.map((name) => `applied ${name}`).join('\n'),
        );
      });
    });
}
