import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { LocalError } from '../../local/local-error.ts';
import { type ServiceProcess, startService } from '../../local/processes.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { compileCache } from './compile-cache.ts';
import { freePort } from './free-port.ts';
import { ServiceOutput } from './service-output.ts';

const startAttempts = 3;
const tailChars = 4000;

/** A service as a process on a port of its own; stopped after the test. */
export interface ServiceRun {
  readonly port: number;
  readonly origin: string;
  readonly output: ServiceOutput;
  readonly process: ServiceProcess;
  /** Stops it and starts it on the same port, with changed settings; they stay for later restarts. */
  restart(changes?: Environment): Promise<void>;
  /** The status that `/readyz` has now. */
  readyStatus(): Promise<number>;
}

const services = {
  keyserver: { title: 'KeyServer', main: 'keyserver/main.ts' },
  secureproxy: { title: 'SecureProxy', main: 'secureproxy/main.ts' },
} as const;

/** Starts a service, by default on any free port, and resolves once it is ready. @throws LocalError */
export async function runProcess(
  t: Test,
  name: keyof typeof services,
  settings: Environment,
  wantedPort?: number,
): Promise<ServiceRun> {
  const output = new ServiceOutput();
  let environment: Environment = {
    // In production a service leaves `.env` unread.
    NODE_ENV: 'production',
    ...compileCache,
    HOST: '127.0.0.1',
    ...settings,
  };
  const launch = (port: number) =>
    startService({
      ...services[name],
      port,
      output,
      environment: { ...environment, PORT: String(port) },
    });
  let { port, process } =
    wantedPort === undefined
      ? await onFreePort(launch)
      : { port: wantedPort, process: await launch(wantedPort) };
  t.teardown(async () => {
    await process.stop();
    if (!t.passing()) t.comment(`${name} said at last:\n${output.text.slice(-tailChars)}`);
  });
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    output,
    get process() {
      return process;
    },
    async restart(changes = {}) {
      environment = { ...environment, ...changes };
      await process.stop();
      process = await launch(port);
    },
    readyStatus: () => readyStatus(port),
  };
}

/** A port that was free may be taken the next moment, by another test. */
async function onFreePort(launch: (port: number) => Promise<ServiceProcess>) {
  for (let left = startAttempts; ; left -= 1) {
    const port = await freePort();
    try {
      return { port, process: await launch(port) };
    } catch (error) {
      const isTaken = error instanceof LocalError && error.message.includes('is in use');
      if (!isTaken || left === 1) throw error;
      await sleep(10);
    }
  }
}

/** The status of a service's `/readyz`; 0 where nothing answers. */
export async function readyStatus(port: number): Promise<number> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}
