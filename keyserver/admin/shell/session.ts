import { databaseFaults, openDatabase } from '../../database.ts';
import { type AdminContext, checkMigrated, keyFaults, loadKeys } from '../../operations/context.ts';
import type { Store } from '../../store/store.ts';
import type { AdminIo } from './io.ts';
import type { Output } from './output.ts';
import { type AdminSettings, defaultPlaceNote, type FileFaults, readSettings } from './settings.ts';

/** One run of the tool: what its command works with, and what it comes to. */
export class Session {
  readonly io: AdminIo;
  readonly out: Output;
  /** For a command that does its work and finds something that is not in order. */
  exitCode = 0;

  constructor(io: AdminIo, out: Output) {
    this.io = io;
    this.out = out;
  }

  /** Gives a command the keys and an open store whose schema is up to date. */
  async withContext(work: (context: AdminContext) => Promise<void>): Promise<void> {
    const settings = this.#settings((config) => [...databaseFaults(config), ...keyFaults(config)]);
    const keys = loadKeys(settings.config);
    await withStore(settings, async (store) => {
      await checkMigrated(store);
      await work({ ...keys, store, clock: this.io.clock });
    });
  }

  /** Gives a command an open store, whatever its schema. */
  async withStore(work: (store: Store) => Promise<void>): Promise<void> {
    await withStore(this.#settings(databaseFaults), work);
  }

  #settings(fileFaults: FileFaults): AdminSettings {
    const settings = readSettings(this.io, fileFaults);
    if (settings.isDefaultPlace) this.out.note(defaultPlaceNote);
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
