import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Environment } from '../../shared/settings/config.ts';

export interface Ended {
  readonly code: number | null;
  /** stdout and stderr. */
  readonly output: string;
}

const root = resolve(import.meta.dirname, '../..');

/**
 * Runs a program of the project as a process, in the given folder, until it ends by itself, or is
 * ended after `limitMs`: then `code` is null.
 */
export function runToEnd(
  main: string,
  args: readonly string[],
  options: { environment: Environment; folder: string; stdin?: string; limitMs?: number },
): Promise<Ended> {
  const child = spawn(process.execPath, [resolve(root, main), ...args], {
    cwd: options.folder,
    env: { NODE_ENV: 'production', ...options.environment },
    stdio: 'pipe',
    timeout: options.limitMs,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stderr.on('data', (chunk) => chunks.push(chunk));
  // A program that refuses its arguments does not read to the end.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, output: Buffer.concat(chunks).toString('utf8') }));
  });
}
