import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { compileCache } from '../../support/compile-cache.ts';
import { writeKeyring } from './installation.ts';

export const launcher = resolve(import.meta.dirname, '../../../keyserver/admin/launcher.cjs');

export interface ToolOptions {
  readonly stdin?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Redirections of a shell, such as `> /dev/full`. */
  readonly redirect?: string;
  /** The launcher of another installation. */
  readonly program?: string;
}

export interface ToolEnded {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder whose `.env` names an embedded database, not migrated yet, and a keyring. */
export function toolFolder(t: Test): string {
  const folder = t.testdir({ '.env': 'DB_FILE=rows.db\nKEYRING_DIR=keyring\n' });
  writeKeyring(join(folder, 'keyring'), 'k');
  return folder;
}

/** Starts the tool as a process in `folder`. */
export function startTool(
  folder: string,
  argv: readonly string[],
  { environment = {}, redirect = '', program = launcher }: ToolOptions = {},
) {
  const { PATH } = process.env;
  return spawn('sh', ['-c', `exec "$0" "$@" ${redirect}`, process.execPath, program, ...argv], {
    cwd: folder,
    env: { PATH, ...compileCache, ...environment },
  });
}

/** Runs the tool as a process until it ends. */
export async function runTool(
  folder: string,
  argv: readonly string[],
  options: ToolOptions = {},
): Promise<ToolEnded> {
  const child = startTool(folder, argv, options);
  const ended = endOf(child);
  // A command that takes no secret ends without reading it.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  return await ended;
}

/** Collects the output of a tool that runs; resolves when it has ended, `code` being null after a signal. */
export async function endOf(child: ReturnType<typeof startTool>): Promise<ToolEnded> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr };
}
