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
 * calls had to be cut off. Settings that cannot be used end it with code 78 and a readable list on stderr.
 */
export async function runService(start: () => Promise<Running>): Promise<void> {
  process.once('exit', flushLogs);
  let running: Running;
  try {
    running = await start();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = configExitCode;
    return;
  }
  const { logger } = running;
  const stop = async (signal: NodeJS.Signals) => {
    logger.info({ signal }, 'stopping');
    const hasFinished = await shutDown(running);
    logger.info('stopped');
    // Whatever did not close would keep the process alive.
    if (!hasFinished) process.exit(cutExitCode);
  };
  // A terminal and npm both pass a signal on: the second one must not cut off what is being finished.
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!isStopping) void stop(signal);
      isStopping = true;
    });
  }
}
