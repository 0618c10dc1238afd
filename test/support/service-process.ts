import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Test } from 'tap';
import { compileCache } from './compile-cache.ts';
import type { LogLine } from './log.ts';
import { pollUntil } from './poll-until.ts';

const project = resolve(import.meta.dirname, '../..');

/** A service's main as a real process. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The lines of its log so far. */
  lines(): LogLine[];
  /** Resolves to its address once it listens; rejects if it ends before. */
  listening(): Promise<string>;
  /** Resolves once it said this. */
  said(message: string): Promise<void>;
  /** Resolves to how it ended: its exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Runs `node main` with these settings alone; killed after the test if need be. */
export function runMain(
  test: Test,
  main: string,
  settings: Readonly<Record<string, string>>,
): ServiceProcess {
  const child = spawn(process.execPath, [resolve(project, main)], {
    cwd: test.testdirName,
    env: { NODE_ENV: 'production', ...compileCache, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  let isOver = false;
  const ended = once(child, 'close').then(([code, signal]) => {
    isOver = true;
    return code ?? signal;
  });
  test.teardown(async () => {
    if (!isOver) child.kill('SIGKILL');
    await ended;
  });
  const lines = () =>
    out
      .split('\n')
      .slice(0, -1)
      .map((line): LogLine => JSON.parse(line));
  const line = async (what: string, isIt: (message: string) => boolean) => {
    const found = await pollUntil(
      what,
      () => ({
        text: lines()
          .map(({ msg }) => String(msg))
          .find(isIt),
        isOver,
      }),
      (seen) => seen.text !== undefined || seen.isOver,
    );
    if (found.text === undefined) throw new Error(`it ended without saying ${what}: ${err}`);
    return found.text;
  };
  return {
    child,
    stdout: () => out,
    stderr: () => err,
    lines,
    ended,
    async listening() {
      const said = await line('where it listens', (message) =>
        message.startsWith('Server listening at'),
      );
      return said.replace('Server listening at ', '');
    },
    async said(message) {
      await line(message, (actual) => actual === message);
    },
  };
}
