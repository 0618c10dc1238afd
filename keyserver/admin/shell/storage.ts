import {
  keyFaults,
  loadKeys,
  type OperationContext,
  type ReadContext,
} from '../../operations/context.ts';
import { checkMigrated } from '../../operations/migrations.ts';
import { databaseFaults, openDatabase } from '../../storage/database.ts';
import type { DatabaseConfig } from '../../storage/settings.ts';
import type { Store, StoreOptions } from '../../store/store.ts';
import type { AdminIo } from './io.ts';
import type { Output } from './output.ts';
import {
  type AdminSettings,
  type DatabaseSettings,
  readDatabaseSettings,
  readSettings,
} from './settings.ts';

interface Run {
  readonly io: AdminIo;
  readonly out: Output;
}

export async function withContext(
  run: Run,
  work: (context: OperationContext, settings: AdminSettings) => Promise<void>,
): Promise<void> {
  const settings = readSettings(run.io, (config) => [
    ...databaseFaults(config),
    ...keyFaults(config),
  ]);
  noteSettings(run, settings);
  const keys = loadKeys(settings.config);
  await withStoreOf(settings.config, async (store) => {
    await checkMigrated(store);
    const beforeSealing = async () => {
      const { checkBeforeSealing } = await import('../../operations/keys/check-loaded.ts');
      await checkBeforeSealing({ ...keys, store });
    };
    await work({ ...keys, store, clock: run.io.clock, beforeSealing }, settings);
  });
}

export async function withUnverified(
  run: Run,
  work: (context: ReadContext) => Promise<void>,
): Promise<void> {
  const settings = readDatabaseSettings(run.io);
  noteSettings(run, settings);
  const read = async (store: Store) => {
    await checkMigrated(store);
    await work({ store, keyring: undefined, clock: run.io.clock });
  };
  await withStoreOf(settings.config, read, { readOnly: true });
}

export async function withStore(run: Run, work: (store: Store) => Promise<void>): Promise<void> {
  const settings = readDatabaseSettings(run.io, databaseFaults);
  noteSettings(run, settings);
  await withStoreOf(settings.config, work);
}

function noteSettings({ out }: Run, { placeNote, warnings }: DatabaseSettings): void {
  if (placeNote !== undefined) out.note(placeNote);
  for (const warning of warnings) out.note(warning);
}

async function withStoreOf(
  config: DatabaseConfig,
  work: (store: Store) => Promise<void>,
  options: Pick<StoreOptions, 'readOnly'> = {},
): Promise<void> {
  const store = await openDatabase(config, options);
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
