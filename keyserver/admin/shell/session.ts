import type { OperationContext, ReadContext } from '../../operations/context.ts';
import type { Store } from '../../store/store.ts';
import type { AdminIo } from './io.ts';
import type { Output } from './output.ts';
import type { AdminSettings } from './settings.ts';

export const unverifiedNote =
  'not verified: read without the keyring, so whoever can write to the database can have made or changed all of this';

export interface ReadOptions {
  /** Reads without any key; default false. */
  readonly unverified?: boolean | undefined;
}

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

  /** Gives a command that only reads the same or a store that is only read, and no keys. */
  async withReadContext(
    { unverified = false }: ReadOptions,
    work: (context: ReadContext) => Promise<void>,
  ): Promise<void> {
    if (unverified) this.out.note(`note: ${unverifiedNote}`);
    const { withContext, withUnverified } = await storage();
    await (unverified ? withUnverified : withContext)(this, work);
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
