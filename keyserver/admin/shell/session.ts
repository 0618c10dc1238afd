import { keyFaults, loadKeys, type OperationContext } from '../../operations/context.ts';
import { checkMigrated } from '../../operations/migrations.ts';
import { databaseFaults, openDatabase } from '../../storage/database.ts';
import type { Store } from '../../store/store.ts';
import type { AdminIo } from './io.ts';
import type { Output } from './output.ts';
import { type AdminSettings, type FileFaults, readSettings } from './settings.ts';

/** One run of the tool: its input, its output and its exit code. */
export class Session {
  readonly io: AdminIo;
  readonly out: Output;
  /** Set by a command that succeeds and finds a fault. */
  exitCode = 0;
  /** Set by a command whose exit code 2 has another meaning than usage and input that are not valid. */
  usageExitCode = 2;

  constructor(io: AdminIo, out: Output) {
    this.io = io;
    this.out = out;
  }

  /** Gives a command the keys and an open store with an up-to-date schema. */
  async withContext(
    work: (context: OperationContext, settings: AdminSettings) => Promise<void>,
  ): Promise<void> {
    const settings = this.#settings((config) => [...databaseFaults(config), ...keyFaults(config)]);
    const keys = loadKeys(settings.config);
    await withStore(settings, async (store) => {
      await checkMigrated(store);
      const beforeSealing = async () => {
        const { checkBeforeSealing } = await import('../../operations/keys/check-loaded.ts');
        await checkBeforeSealing({ ...keys, store });
      };
      await work({ ...keys, store, clock: this.io.clock, beforeSealing }, settings);
    });
  }

  /** Gives a command an open store with any schema. */
  async withStore(work: (store: Store) => Promise<void>): Promise<void> {
    await withStore(this.#settings(databaseFaults), work);
  }

  /** The settings of a command that needs key folders alone. */
  keySettings(): AdminSettings {
    return this.#settings(keyFaults);
  }

  #settings(fileFaults: FileFaults): AdminSettings {
    const settings = readSettings(this.io, fileFaults);
    if (settings.placeNote !== undefined) this.out.note(settings.placeNote);
    for (const warning of settings.warnings) this.out.note(warning);
    return settings;
  }
}

async function withStore(
  { config }: AdminSettings,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  const store = openDatabase(config);
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
