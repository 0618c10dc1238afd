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

/** A folder's path for output: relative to the working directory if it is inside. */
export function shownPath(folder: string): string {
  const path = relative(process.cwd(), folder);
  return path === '' || path.startsWith('..') ? folder : path;
}

/**
 * Runs a command and sets its exit code. An expected error is printed as one line on stderr, with code 1; an
 * unexpected one is rethrown with its stack.
 */
export async function runCommand(name: string, run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    const explanation = explain(error);
    if (explanation === undefined) throw error;
    process.stderr.write(`${name}: ${explanation.replace(/\s+/g, ' ')}\n`);
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

/** Resolves at the first termination signal, which does not end the process by itself. */
export function endSignal(): Promise<NodeJS.Signals> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  return Promise.race(
    signals.map(
      (signal) => new Promise<NodeJS.Signals>((done) => process.once(signal, () => done(signal))),
    ),
  );
}
