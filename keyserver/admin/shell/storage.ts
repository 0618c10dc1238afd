import { keyFaults, loadKeys, type OperationContext } from '../../operations/context.ts';
import { checkMigrated } from '../../operations/migrations.ts';
import { databaseFaults, openDatabase } from '../../storage/database.ts';
import type { Store } from '../../store/store.ts';
import type { AdminIo } from './io.ts';
import type { Output } from './output.ts';
import { type AdminSettings, type FileFaults, readSettings } from './settings.ts';

interface Run {
  readonly io: AdminIo;
  readonly out: Output;
}

/** Runs `work` with the keys and an open store with an up-to-date schema. */
export async function withContext(
  run: Run,
  work: (context: OperationContext, settings: AdminSettings) => Promise<void>,
): Promise<void> {
  const settings = noted(run, (config) => [...databaseFaults(config), ...keyFaults(config)]);
  const keys = loadKeys(settings.config);
  await withStoreOf(settings, async (store) => {
    await checkMigrated(store);
    const beforeSealing = async () => {
      const { checkBeforeSealing } = await import('../../operations/keys/check-loaded.ts');
      await checkBeforeSealing({ ...keys, store });
    };
    await work({ ...keys, store, clock: run.io.clock, beforeSealing }, settings);
  });
}

/** Runs `work` with an open store with any schema. */
export async function withStore(run: Run, work: (store: Store) => Promise<void>): Promise<void> {
  await withStoreOf(noted(run, databaseFaults), work);
}

function noted({ io, out }: Run, fileFaults: FileFaults): AdminSettings {
  const settings = readSettings(io, fileFaults);
  if (settings.placeNote !== undefined) out.note(settings.placeNote);
  for (const warning of settings.warnings) out.note(warning);
  return settings;
}

async function withStoreOf(
  { config }: AdminSettings,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  const store = await openDatabase(config);
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
