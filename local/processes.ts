import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../shared/settings/config.ts';
import { LocalError } from './local-error.ts';

interface Command {
  /** As people read it: `KeyServer`. */
  readonly title: string;
  /** The port that its `/readyz` is on; must be free beforehand, or another's answer would be taken for its own. */
  readonly port: number;
  readonly environment: Environment;
  /** Where stdout and stderr go. */
  readonly output: Writable;
}

export interface ServiceCommand extends Command {
  /** Its `main.ts`, relative to the project. */
  readonly main: string;
}

export interface ProgramCommand extends Command {
  /** What is run, in the foreground, and its arguments. */
  readonly program: readonly [file: string, ...args: string[]];
}

export interface ServiceProcess {
  readonly title: string;
  readonly pid: number | undefined;
  /** Resolves once the process is gone, to how it went: `code 1`, `signal SIGKILL`. */
  readonly exited: Promise<string>;
  /** Asks it to end by SIGTERM, then makes it; resolves once it is gone. */
  stop(): Promise<void>;
}

const projectFolder = resolve(import.meta.dirname, '..');
const followParent = resolve(import.meta.dirname, 'follow-parent.ts');
const readyTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
const pollMs = 40;
const tailChars = 4096;

/** Starts a service of ours: {@link startProgram}. It ends when this process does. */
export function startService({ main, ...command }: ServiceCommand): Promise<ServiceProcess> {
  const service = resolve(projectFolder, main);
  return startProgram({
    ...command,
    program: [process.execPath, '--import', followParent, service],
  });
}

/**
 * Starts a process and waits until it is ready.
 * @throws LocalError with what the process said last, where it ends or does not get ready in time.
 */
export async function startProgram(command: ProgramCommand): Promise<ServiceProcess> {
  const { title, program, port, environment, output } = command;
  const [file, ...args] = program;
  const child = spawn(file, args, {
    cwd: projectFolder,
    env: environment,
    // A group of its own: Ctrl-C reaches the parent alone, which then stops its services in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lastWords = tail(child);
  child.stdout?.pipe(output, { end: false });
  child.stderr?.pipe(output, { end: false });
  const service: ServiceProcess = {
    title,
    pid: child.pid,
    exited: exitOf(child),
    stop: () => stop(child, service.exited),
  };
  let running = true;
  const exit = service.exited.then((how) => {
    running = false;
    return how;
  });
  const deadline = performance.now() + readyTimeoutMs;
  while (running) {
    if (await isReady(port)) return service;
    if (performance.now() > deadline) {
      await service.stop();
      throw new LocalError(`${title} was not ready after ${readyTimeoutMs / 1000} s${lastWords()}`);
    }
    await Promise.race([sleep(pollMs), exit]);
  }
  throw new LocalError(`${title} did not start (${await exit})${lastWords()}`);
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', (code, signal) =>
      done(code === null ? `signal ${signal}` : `code ${code}`),
    );
  });
}

async function stop(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await exited;
  clearTimeout(forced);
}

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, {
      signal: AbortSignal.timeout(1000),
    });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** Keeps the end of stderr; the function gives it as one line to append: the error, without its stack. */
function tail(child: ChildProcess): () => string {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-tailChars);
  });
  return () => {
    const crash = /^\w*Error\b.*$/m.exec(said)?.[0];
    const line = (crash ?? said).replace(/\s+/g, ' ').trim();
    return line === '' ? '' : `: ${line}`;
  };
}
