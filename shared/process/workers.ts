import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ListenerConfig } from '../listen/listener-settings.ts';
import type { Question, ToPrimary, ToWorker } from './primary.ts';
import { shutdownLimitMs } from './shutdown.ts';

/** Pause before a worker is replaced; doubled each time, unless the worker lived long enough. */
const firstPauseMs = 100;
const longestPauseMs = 10_000;
const longEnoughMs = 60_000;

/**
 * Workers accept connections themselves. Under Node's round robin the primary process hands them out evenly,
 * but one that reaches a closing or killed worker is neither answered nor closed.
 */
cluster.schedulingPolicy = cluster.SCHED_NONE;

export type Answer = (question: unknown) => unknown;

interface WorkersOptions {
  /** A worker that exceeds the time of its shutdown is killed. */
  readonly config: Pick<ListenerConfig, 'WORKERS' | 'DRAIN_DELAY_MS' | 'SHUTDOWN_TIMEOUT_MS'>;
  readonly logger: Logger;
  readonly answer: Answer;
}

interface End {
  readonly code: number | null;
  /** Without a code: the signal that ended it, or why it could not be started (`EAGAIN`). */
  readonly why: string | null;
  readonly hasStarted: boolean;
}

/** Keeps processes of this program running, which share its listeners (`node:cluster`). */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #alive = new Set<Worker>();
  readonly #stopping = new AbortController();
  #serving = 0;
  #exitCode = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  /**
   * Runs them until {@link stop}, and replaces those that end before. The first starts alone, so that a
   * fault is reported once. If one ends without having started while no other serves, all end.
   * Resolves to the exit code: 0 if all ended as they were told to, else that of one that did not.
   */
  async run(): Promise<number> {
    const first = Promise.withResolvers<void>();
    const kept = [this.#keep(first.resolve)];
    await first.promise;
    while (kept.length < this.#options.config.WORKERS) kept.push(this.#keep());
    await Promise.all(kept);
    return this.#exitCode;
  }

  stop(): void {
    this.#stopping.abort();
    for (const worker of this.#alive) worker.process.kill('SIGTERM');
    setTimeout(() => {
      for (const worker of this.#alive) worker.process.kill('SIGKILL');
    }, shutdownLimitMs(this.#options.config)).unref();
  }

  /** Keeps one place filled; `settled` is called once its first worker has started or ended. */
  async #keep(settled: () => void = () => undefined): Promise<void> {
    const { signal: stopping } = this.#stopping;
    let pauseMs = firstPauseMs;
    while (!stopping.aborted) {
      const worker = cluster.fork();
      const begunAt = performance.now();
      const end = await this.#lifeOf(worker, settled);
      if (stopping.aborted) {
        // Without a handler yet, the signal itself ends a worker.
        this.#exitCode ||= end.code ?? (end.hasStarted ? 1 : 0);
        break;
      }
      if (!end.hasStarted && end.code !== null && this.#serving === 0) {
        this.#exitCode = end.code;
        this.stop();
        break;
      }
      if (performance.now() - begunAt >= longEnoughMs) pauseMs = firstPauseMs;
      this.#options.logger.error(
        { worker: worker.process.pid, exit: end.code ?? end.why, pause_ms: pauseMs },
        'worker ended: replaced',
      );
      await sleep(pauseMs, undefined, { signal: stopping }).catch(() => undefined);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
    settled();
  }

  async #lifeOf(worker: Worker, settled: () => void): Promise<End> {
    let hasStarted = false;
    this.#alive.add(worker);
    worker.on('message', (message: ToPrimary) => {
      if ('started' in message) {
        hasStarted = true;
        this.#serving += 1;
        settled();
      } else if ('question' in message) void this.#reply(worker, message);
      // Others are those of the metrics' library.
    });
    const end = Promise.withResolvers<End>();
    worker.on('exit', (code: number | null, signal: string | null) =>
      end.resolve({ code, why: signal, hasStarted }),
    );
    worker.on('error', ({ code: why = 'unknown' }: NodeJS.ErrnoException) => {
      // Other errors are of messages to a worker that is ending; its `exit` follows.
      if (worker.process.pid === undefined) end.resolve({ code: null, why, hasStarted });
    });
    const ended = await end.promise;
    this.#alive.delete(worker);
    if (hasStarted) this.#serving -= 1;
    return ended;
  }

  /** Without an answer the worker's question times out. */
  async #reply(worker: Worker, { id, question }: Question): Promise<void> {
    try {
      const answer = await this.#options.answer(question);
      // The worker may have ended.
      worker.send({ id, answer } satisfies ToWorker, () => undefined);
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'worker not answered');
    }
  }
}
