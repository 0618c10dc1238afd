import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { drainConnections } from '../http/connections.ts';
import type { Readiness } from '../http/health.ts';
import type { Service } from '../http/service-type.ts';
import type { ListenerConfig } from '../listen/listener-settings.ts';

/** Maximum wait for connections that were cut off to close. */
const cutGraceMs = 2000;

export class Drain {
  #hasBegun = false;

  begin(): void {
    this.#hasBegun = true;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The readiness to report, given that of the service itself. */
  over(readiness: Readiness): Readiness {
    if (!this.#hasBegun) return readiness;
    return { status: 'unready', checks: { ...readiness.checks, shutdown: 'draining' } };
  }
}

/** Maximum time in milliseconds that a process takes to end after the signal, if it ends. */
export function shutdownLimitMs(
  config: Pick<ListenerConfig, 'DRAIN_DELAY_MS' | 'SHUTDOWN_TIMEOUT_MS'>,
): number {
  return config.DRAIN_DELAY_MS + config.SHUTDOWN_TIMEOUT_MS + 2 * cutGraceMs;
}

export interface ShutdownOptions {
  readonly app: Service;
  readonly logger: Logger;
  readonly drain: Drain;
  /** Closes everything that the app does not own; called after the app has closed. */
  close(): Promise<void>;
}

/**
 * Ends a service: `/readyz` turns unready, calls are still served for the delay, then those in progress
 * finish and everything is closed. Calls that exceed the timeout are cut off.
 * @returns whether everything finished in time
 */
export async function shutDown(options: ShutdownOptions): Promise<boolean> {
  const { app, logger, drain } = options;
  drain.begin();
  drainConnections(app);
  await sleep(app.config.DRAIN_DELAY_MS);
  let isClosed = false;
  const closed = app
    .close()
    .then(() => options.close())
    .then(() => {
      isClosed = true;
    });
  await Promise.race([closed, pause(app.config.SHUTDOWN_TIMEOUT_MS)]);
  if (isClosed) return true;
  const connections = await new Promise<number>((done) =>
    app.server.getConnections((_error, count) => done(count)),
  );
  logger.warn({ connections }, 'not finished in time: cut off');
  app.server.closeAllConnections();
  await Promise.race([closed, pause(cutGraceMs)]);
  return false;
}

function pause(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false });
}
