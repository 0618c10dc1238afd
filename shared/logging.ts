import { isatty } from 'node:tty';
import { type DestinationStream, type Logger, pino } from 'pino';
import { escapeInvisible } from './invisible-characters.ts';
import { prettyLines } from './pretty-log.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const stdoutFd = 1;
const batchMs = 10;
const batchBytes = 15 * 1024;

/**
 * JSON lines on stdout, or readable ones where that is a terminal: level as text, time as ISO 8601,
 * the service's name. Errors are cut down to type, code, message and stack; whoever logs passes fields
 * by name, never whole requests. Nothing in a line moves a cursor or turns text around.
 */
export function createLogger(
  service: string,
  level: LogLevel,
  destination: DestinationStream = terminal() ?? inBatches(),
): Logger {
  const options = {
    level,
    base: { 'service.name': service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
    // On the whole line: outside its strings, JSON has no such characters.
    hooks: { streamWrite: escapeInvisible },
  };
  return pino(options, destination);
}

function terminal(): DestinationStream | undefined {
  return isatty(stdoutFd) ? prettyLines(pino.destination(stdoutFd)) : undefined;
}

/**
 * Lines go out together, a hundredth of a second after the first of them: to wake whoever reads them costs
 * more than all else that makes a line. Pino writes what is left when the process exits.
 */
function inBatches(): DestinationStream & { flushSync(): void } {
  const output = pino.destination({ dest: stdoutFd, minLength: batchBytes, sync: false });
  let isDue = false;
  const flush = () => {
    isDue = false;
    output.flush();
  };
  return {
    write: (line) => {
      output.write(line);
      if (!isDue) setTimeout(flush, batchMs).unref();
      isDue = true;
    },
    flushSync: () => output.flushSync(),
  };
}

interface ErrorDescription {
  readonly type: string;
  readonly code?: unknown;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cause?: ErrorDescription;
}

/** An error as the log shows it: known members only, since libraries hang requests and headers on errors. */
export function describeError(error: unknown, causesShown = 5): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' };
  return {
    type: error.name,
    ...('code' in error ? { code: error.code } : {}),
    message: error.message,
    stack: error.stack,
    // Bounded, since causes may go round.
    ...(error.cause === undefined || causesShown === 0
      ? {}
      : { cause: describeError(error.cause, causesShown - 1) }),
  };
}
