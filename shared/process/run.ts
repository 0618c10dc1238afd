import cluster from 'node:cluster';
import type { Logger } from 'pino';
import type { ServiceOptions } from '../http/service.ts';
import type { ListenerConfig } from '../listen/listener-settings.ts';
import { createLogger, createProcessLogger, flushLogs } from '../log/logging.ts';
import { ConfigError, type Environment, type Settings } from '../settings/config.ts';
import { readEnvironment } from '../settings/dot-env.ts';
import { version } from '../settings/version.ts';
import { parseCommandLine, UsageError, usage, usageExitCode } from './command-line.ts';
import { Primary } from './primary.ts';
import { type ShutdownOptions, shutDown } from './shutdown.ts';
import { withMetrics } from './worker-metrics.ts';
import { type Answer, Workers } from './workers.ts';

/** Exit code for settings that cannot be used (sysexits.h EX_CONFIG): a restart will not help. */
const configExitCode = 78;
const cutExitCode = 1;
const faultsFoundExitCode = 1;

export type Running = ShutdownOptions;

type ProcessConfig = Pick<
  ListenerConfig,
  'WORKERS' | 'LOG_LEVEL' | 'DRAIN_DELAY_MS' | 'SHUTDOWN_TIMEOUT_MS'
>;

/** A service for {@link runService}, in one process or several (docs/deployment.md, "Workers"). */
export interface Program<C extends ProcessConfig> {
  readonly name: ServiceOptions['name'];
  /** @throws ConfigError */
  readSettings(environment: Environment): Settings<C>;
  /**
   * Checks everything that the service relies on, without serving. Resolves to the text to print, and whether
   * there is no fault.
   */
  doctor?(environment: Environment, json: boolean): Promise<{ text: string; ok: boolean }>;
  /** Runs once, before any process starts the service. @throws ConfigError */
  prepare?(config: C, logger: Logger): Promise<void>;
  /** Starts the service in this process; `primary` if it is one of several. @throws ConfigError */
  start(config: C, logger: Logger, primary?: Primary): Promise<Running>;
  keep?(): Answer;
}

/**
 * Runs a service until SIGTERM or SIGINT, then shuts it down with exit code 0, or 1 if calls had to be cut off. A
 * signal during the start ends it at once, with code 0. Unusable settings end it with code 78 and a list of
 * the faults on stderr. `args` may ask for a check or the version instead (docs/operations.md).
 */
export async function runService<C extends ProcessConfig>(
  program: Program<C>,
  processEnv: Environment,
  args: readonly string[] = [],
): Promise<void> {
  const hasDoctor = program.doctor !== undefined;
  try {
    const { action, json } = parseCommandLine(args, hasDoctor);
    const environment = () => readEnvironment(processEnv, process.cwd());
    const print = (text: string) => process.stdout.write(`${text}\n`);
    if (action === 'serve') await serve(program, environment);
    else if (action === 'version') print(`${program.name} ${version}`);
    else if (action === 'help') process.stdout.write(usage(program.name, hasDoctor));
    else if (action === 'doctor') {
      const found = await program.doctor?.(environment(), json);
      print(String(found?.text));
      if (found?.ok !== true) process.exitCode = faultsFoundExitCode;
    } else {
      // Reads what a start would read; listens nowhere and asks nobody.
      const { warnings } = program.readSettings(environment());
      print([...warnings.map((one) => `warning: ${one}`), 'ok'].join('\n'));
    }
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n${usage(program.name, hasDoctor)}`);
      process.exitCode = usageExitCode;
    } else if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = configExitCode;
      leavePrimary();
    } else throw error;
  }
}

async function serve<C extends ProcessConfig>(
  program: Program<C>,
  environment: () => Environment,
): Promise<void> {
  process.once('exit', flushLogs);
  // Before the start, since a signal without a handler does not reach the first process of a container.
  const onEnd = watchEndSignals(() => process.exit());
  const { config, warnings } = program.readSettings(environment());
  const { WORKERS, LOG_LEVEL } = config;
  const processLogger = () => createProcessLogger(program.name, LOG_LEVEL, process.pid);
  if (cluster.worker) {
    const primary = new Primary(cluster.worker);
    onEnd(shuttingDown(await program.start(config, processLogger(), primary)));
    primary.tellStarted();
    return;
  }
  const logger = WORKERS === 1 ? createLogger(program.name, LOG_LEVEL) : processLogger();
  logger.info({ 'service.version': version }, 'starting');
  for (const warning of warnings) logger.warn(warning);
  await program.prepare?.(config, logger);
  if (WORKERS === 1) {
    onEnd(shuttingDown(await program.start(config, logger)));
    return;
  }
  const workers = new Workers({ config, logger, answer: withMetrics(program.keep?.()) });
  const ended = workers.run();
  onEnd(async (signal) => {
    logger.info({ signal }, 'stopping');
    workers.stop();
    await ended;
    logger.info('stopped');
  });
  process.exitCode = await ended;
}

function shuttingDown(running: Running): End {
  const { logger } = running;
  return async (signal) => {
    logger.info({ signal }, 'stopping');
    const hasFinished = await shutDown(running);
    logger.info('stopped');
    // An open handle would keep the process alive.
    if (!hasFinished) process.exit(cutExitCode);
    leavePrimary();
  };
}

/** The channel to the primary process would keep a worker alive. */
function leavePrimary(): void {
  cluster.worker?.disconnect();
}

type End = (signal: NodeJS.Signals) => unknown;
type OnEnd = (end: End) => void;

function watchEndSignals(initial: End): OnEnd {
  let end = initial;
  // A terminal and npm both send the signal; the second one must not cut off calls that are finishing.
  let isEnding = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!isEnding) void end(signal);
      isEnding = true;
    });
  }
  return (next) => {
    end = next;
  };
}
