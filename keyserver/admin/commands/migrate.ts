import type { Command } from 'commander';
import { AdminError } from '../../operations/operation-error.ts';
import { type Store, StoreUnavailableError } from '../../store/store.ts';
import type { Session } from '../shell/session.ts';
import { examples } from './examples.ts';

export function addMigrateCommand(program: Command, session: Session): void {
  program
    .command('migrate')
    .summary('bring the schema up to date')
    .description('Brings the schema up to date, or takes the newest migration back.')
    .option('--down', 'take the newest migration back; stop KeyServer first')
    .option('--force', 'take it back though documents may be lost with it')
    .addHelpText('after', examples('keyserver-admin migrate', 'keyserver-admin migrate --down'))
    .action(async ({ down = false, force = false }: { down?: boolean; force?: boolean }) => {
      await session.withStore(async (store) => {
        if (down) return takeBack(session, store, force);
        const applied = await store.migrate();
        session.out.result(
          { applied },
          applied.length === 0 ? 'up to date' : applied.map((name) => `applied ${name}`).join('\n'),
        );
      });
    });
}

async function takeBack({ out }: Session, store: Store, force: boolean): Promise<void> {
  if (!force && (await hasDocuments(store))) {
    throw new AdminError(
      'input_invalid',
      'types, apps or proxies are stored, and may be lost with the migration',
      'back the database up, then add --force',
    );
  }
  const takenBack = await migrateDown(store);
  out.result(
    { takenBack: takenBack ?? null },
    takenBack === undefined ? 'no migration is applied' : `took back ${takenBack}`,
  );
}

async function migrateDown(store: Store): Promise<string | undefined> {
  try {
    return await store.migrateDown();
  } catch (error) {
    // The store's sentences for tokens that would be lost, and for another version's migration.
    if (!(error instanceof Error) || error.name !== 'Error') throw error;
    throw new AdminError('input_invalid', error.message, 'nothing was changed');
  }
}

async function hasDocuments(store: Store): Promise<boolean> {
  try {
    return (await store.documents()).length > 0;
  } catch (error) {
    // Without the table there is nothing to lose; a database that is away fails the next step.
    if (error instanceof StoreUnavailableError) return false;
    throw error;
  }
}
