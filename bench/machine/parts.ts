import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalError } from '../../local/local-error.ts';
import { type ServiceProcess, startProgram, startService } from '../../local/processes.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { freePort } from '../../test/support/free-port.ts';
import { type Cores, pin } from './cores.ts';
import { LineSink } from './line-sink.ts';

/** One process of the benchmark. */
export interface Part {
  readonly title: string;
  readonly origin: string;
  readonly pid: number;
  readonly log: LineSink;
  stop(): Promise<void>;
}

/** Starts the processes of the benchmark, each on its core, and ends them. */
export class Parts {
  readonly cores: Cores | undefined;
  readonly #starts: Promise<ServiceProcess>[] = [];
  readonly #cleanUps: (() => void | Promise<void>)[] = [];
  #isClosed = false;

  constructor(cores: Cores | undefined) {
    this.cores = cores;
    // Children start on the core of their parent.
    if (cores) pin(process.pid, cores.load);
  }

  /** An empty folder below `place`, removed at the end. @throws LocalError after the end */
  folder(place: string = tmpdir()): string {
    const folder = mkdtempSync(join(place, 'bench-'));
    this.#atEnd(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** Starts a process that is not measured: the load or an upstream. With TLS_CERT_FILE it speaks TLS. */
  async helper(title: string, main: string, environment: Environment): Promise<Part> {
    const [port, opsPort] = [await freePort(), await freePort()];
    const tls = environment.TLS_CERT_FILE !== undefined;
    const log = new LineSink();
    const start = () =>
      startService({
        title,
        main,
        port: tls ? opsPort : port,
        output: log,
        // In production a service does not read `.env`.
        environment: {
          NODE_ENV: 'production',
          HOST: '127.0.0.1',
          PORT: String(port),
          ...(tls && { OPS_PORT: String(opsPort) }),
          ...environment,
        },
      });
    return this.#part(start, `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, log);
  }

  /** Starts a measured service on the core for these, logging at `info` into a pipe that is read. */
  async measured(title: string, main: string, environment: Environment): Promise<Part> {
    const part = await this.helper(title, main, { LOG_LEVEL: 'info', ...environment });
    this.#moveToServerCore(part);
    return part;
  }

  /** Starts another measured program, which must answer `/readyz` at `port`. */
  async program(
    title: string,
    port: number,
    program: readonly [string, ...string[]],
  ): Promise<Part> {
    const log = new LineSink();
    const environment = { PATH: process.env.PATH };
    const start = () => startProgram({ title, program, port, environment, output: log });
    const part = await this.#part(start, `http://127.0.0.1:${port}`, log);
    this.#moveToServerCore(part);
    return part;
  }

  /** Adopts a running database, and ends it after the processes that use it. @throws LocalError after the end */
  database(title: string, pid: number, stop: () => Promise<void>): Part {
    this.#atEnd(stop);
    if (this.cores) pin(pid, this.cores.database);
    return { title, origin: '', pid, log: new LineSink(), stop };
  }

  /** Ends all processes, those that are starting included, and removes all folders; nothing is started from then on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const starts = await Promise.allSettled(this.#starts);
    await Promise.all(starts.map((one) => one.status === 'fulfilled' && one.value.stop()));
    for (const cleanUp of this.#cleanUps) await cleanUp();
  }

  async #part(start: () => Promise<ServiceProcess>, origin: string, log: LineSink): Promise<Part> {
    if (this.#isClosed) throw ended();
    const starting = start();
    this.#starts.push(starting);
    const { title, pid = 0, stop } = await starting;
    return { title, origin, pid, log, stop };
  }

  /** Work that was interrupted goes on until it asks for more. */
  #atEnd(cleanUp: () => void | Promise<void>): void {
    if (!this.#isClosed) {
      this.#cleanUps.push(cleanUp);
      return;
    }
    void cleanUp();
    throw ended();
  }

  #moveToServerCore({ pid }: Part): void {
    if (this.cores) pin(pid, this.cores.server);
  }
}

function ended(): LocalError {
  return new LocalError('the benchmark has ended');
}
