import { relative } from 'node:path';
import { inShell } from '../keyserver/admin/shell/suggestions.ts';
import { OperationError } from '../keyserver/operations/operation-error.ts';
import { StoreError } from '../keyserver/store/store-error.ts';
import { ConfigError } from '../shared/settings/config.ts';
import { LocalError } from './local-error.ts';

/** Writes a line to stdout. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A folder as people read it: relative to the working directory where it is inside. */
export function shownPath(folder: string): string {
  const path = relative(process.cwd(), folder);
  return path === '' || path.startsWith('..') ? folder : path;
}

/**
 * Runs a command to its exit code. Trouble is explained in one line on stderr, with code 1; a fault
 * of ours keeps its stack.
 */
export async function runCommand(name: string, run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    const why = explain(error);
    if (why === undefined) throw error;
    process.stderr.write(`${name}: ${why.replace(/\s+/g, ' ')}\n`);
    process.exitCode = 1;
  }
}

function explain(error: unknown): string | undefined {
  if (error instanceof OperationError) {
    return `${error.message}; ${inShell(error.suggestion)}`;
  }
  if (error instanceof ConfigError) return error.faults.join('; ');
  const isKnown =
    error instanceof LocalError ||
    error instanceof StoreError ||
    (error instanceof Error && 'syscall' in error);
  return isKnown ? error.message : undefined;
}

/** Resolves at the first signal that asks to end; the process then ends by itself, not by the signal. */
export function endSignal(): Promise<NodeJS.Signals> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  return Promise.race(
    signals.map(
      (signal) => new Promise<NodeJS.Signals>((done) => process.once(signal, () => done(signal))),
    ),
  );
}
