import type { OperationContext } from '../../operations/context.ts';
import type { Store } from '../../store/store.ts';
import type { AdminIo } from './io.ts';
import type { Output } from './output.ts';
import type { AdminSettings } from './settings.ts';

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
    await (await storage()).withContext(this, work);
  }

  /** Gives a command an open store with any schema. */
  async withStore(work: (store: Store) => Promise<void>): Promise<void> {
    await (await storage()).withStore(this, work);
  }
}

/** Loaded once it is used: help needs no database. */
function storage() {
  return import('./storage.ts');
}
