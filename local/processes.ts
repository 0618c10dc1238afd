import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../shared/settings/config.ts';
import { LocalError } from './local-error.ts';

interface Command {
  /** Name for messages, such as `KeyServer`. */
  readonly title: string;
  /** The port of its `/readyz`. It must be free beforehand, or another program's answer would count. */
  readonly port: number;
  readonly environment: Environment;
  /** Destination of stdout and stderr. */
  readonly output: Writable;
}

export interface ServiceCommand extends Command {
  /** Its `main.ts`, relative to the project. */
  readonly main: string;
}

export interface ProgramCommand extends Command {
  /** An executable that stays in the foreground, and its arguments. */
  readonly program: readonly [file: string, ...args: string[]];
}

export interface ServiceProcess {
  readonly title: string;
  readonly pid: number | undefined;
  /** Resolves when the process has ended, to how: `code 1`, `signal SIGKILL`. */
  readonly exited: Promise<string>;
  /** Halts the process until what it returns is called. */
  halt(): () => void;
  /** Sends SIGTERM, and SIGKILL if the process does not end in time. Resolves when it has ended. */
  stop(): Promise<void>;
}

const projectFolder = resolve(import.meta.dirname, '..');
const followParent = resolve(import.meta.dirname, 'follow-parent.ts');
const readyTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;
const pollMs = 40;
const tailChars = 4096;

/** Starts a service like {@link startProgram}. It ends when this process does. */
export function startService({ main, ...command }: ServiceCommand): Promise<ServiceProcess> {
  const service = resolve(projectFolder, main);
  return startProgram({
    ...command,
    program: [process.execPath, '--import', followParent, service],
  });
}

/**
 * Starts a process and waits until it is ready.
 * @throws LocalError with the end of its stderr, if it ends or is not ready in time
 */
export async function startProgram(command: ProgramCommand): Promise<ServiceProcess> {
  const { title, program, port, environment, output } = command;
  const [file, ...args] = program;
  const child = spawn(file, args, {
    cwd: projectFolder,
    env: environment,
    // In its own process group, Ctrl-C reaches only the parent, which then stops its services in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const stderrTail = tail(child);
  child.stdout?.pipe(output, { end: false });
  child.stderr?.pipe(output, { end: false });
  const service: ServiceProcess = {
    title,
    pid: child.pid,
    exited: exitOf(child),
    halt: () => {
      child.kill('SIGSTOP');
      return () => void child.kill('SIGCONT');
    },
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
      throw new LocalError(
        `${title} was not ready after ${readyTimeoutMs / 1000} s${stderrTail()}`,
      );
    }
    await Promise.race([sleep(pollMs), exit]);
  }
  throw new LocalError(`${title} did not start (${await exit})${stderrTail()}`);
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

/** Keeps the end of stderr. Returns a function that formats it as one line to append, without the error's stack. */
function tail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-tailChars);
  });
  return () => {
    const crash = /^\w*Error\b.*$/m.exec(text)?.[0];
    const line = (crash ?? text).replace(/\s+/g, ' ').trim();
    return line === '' ? '' : `: ${line}`;
  };
}
