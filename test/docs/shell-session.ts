import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

const usualLimitMs = 240_000;

/** A bash in which an operator types a page's commands: folders, variables and functions stay. */
export interface ShellSession {
  /** Runs commands; resolves to their stdout. @throws Error with all output, if one of them fails */
  run(commands: string): Promise<string>;
}

export interface ShellOptions {
  /** An empty folder for what the session writes down. */
  readonly scratch: string;
  /** The folder in which it starts. */
  readonly folder: string;
  /** The longest that one run may take; default four minutes. */
  readonly limitMs?: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Starts a session, which ends with the test. */
export function openShell(test: Test, options: ShellOptions): ShellSession {
  const shell = spawn('bash', ['--noprofile', '--norc'], {
    cwd: options.folder,
    env: options.environment,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(shell, 'close');
  const done = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  test.teardown(async () => {
    shell.stdin.end();
    await ended;
  });
  shell.stdin.on('error', () => {});
  let count = 0;
  return {
    async run(commands) {
      count += 1;
      const file = (kind: string) => join(options.scratch, `${count}.${kind}`);
      writeFileSync(file('sh'), `set -eu\n${commands}\nset +eu\n`);
      shell.stdin.write(
        `. ${file('sh')} </dev/null >${file('out')} 2>${file('err')}; echo finished\n`,
      );
      // The commands may wait forever.
      const limit = setTimeout(() => shell.kill(), options.limitMs ?? usualLimitMs);
      const { value } = await done.next();
      clearTimeout(limit);
      const output = readFileSync(file('out'), 'utf8');
      if (value === 'finished') return output;
      throw new Error(`${commands}\n${output}\n${readFileSync(file('err'), 'utf8')}`);
    },
  };
}
