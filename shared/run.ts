import { ConfigError } from './config.ts';
import { flushLogs } from './logging.ts';
import { type ShutdownOptions, shutDown } from './shutdown.ts';

/** Exit code for settings that cannot be used (sysexits.h EX_CONFIG): a restart will not help. */
const configExitCode = 78;
/** Exit code where calls had to be cut off. */
const cutExitCode = 1;

/** A service that was started, and how it is to end. */
export type Running = ShutdownOptions;

/**
 * Runs a service in this process until SIGTERM or SIGINT, then shuts it down: code 0, or 1 where
 * calls had to be cut off. A signal during the start ends it at once, with code 0. Settings that cannot be
 * used end it with code 78 and a readable list on stderr.
 */
export async function runService(start: () => Promise<Running>): Promise<void> {
  process.once('exit', flushLogs);
  let running: Running | undefined;
  // A terminal and npm both pass a signal on: the second one must not cut off what is being finished.
  let isStopping = false;
  // Before the start, since a signal without a handler does not reach the first process of a container.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (running === undefined) process.exit();
      if (!isStopping) void stop(running, signal);
      isStopping = true;
    });
  }
  try {
    running = await start();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = configExitCode;
  }
}

async function stop(running: Running, signal: NodeJS.Signals): Promise<void> {
  const { logger } = running;
  logger.info({ signal }, 'stopping');
  const hasFinished = await shutDown(running);
  logger.info('stopped');
  // Whatever did not close would keep the process alive.
  if (!hasFinished) process.exit(cutExitCode);
}
