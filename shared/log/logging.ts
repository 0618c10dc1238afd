import { isatty } from 'node:tty';
import { type DestinationStream, type Logger, pino } from 'pino';
import { escapeInvisible } from './invisible-characters.ts';
import type { LogLevel } from './levels.ts';
import { LineBatches } from './line-batches.ts';
import { prettyLines } from './pretty-log.ts';

const stdoutFd = 1;
/** As many as a pipe holds (pipe(7)). */
const batchBytes = 64 * 1024;
/** Writes up to this size to a pipe are atomic, even if other processes write to it (PIPE_BUF). */
const atomicBytes = 4096;

/**
 * Creates a logger that writes JSON lines to stdout, or readable ones if stdout is a terminal. Lines have
 * the level as text, the time as ISO 8601 and the service's name. Errors are reduced to type, code, message,
 * stack and cause. Callers pass named fields, never whole requests. No line has characters that control a
 * terminal or reorder text.
 */
export function createLogger(
  service: string,
  level: LogLevel,
  destination: DestinationStream = terminal() ?? inBatches(batchBytes),
): Logger {
  const options = {
    level,
    base: { 'service.name': service },
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
    // Safe for the whole line: JSON has no such characters outside its strings.
    hooks: { streamWrite: escapeInvisible },
  };
  return pino(options, destination);
}

/**
 * Creates the logger of one of several processes with the same stdout. Its lines have the process id, and
 * lines of up to 4 KiB are not interleaved with those of other processes.
 */
export function createProcessLogger(service: string, level: LogLevel, pid: number): Logger {
  const logger = createLogger(service, level, terminal() ?? inBatches(atomicBytes));
  return logger.child({ 'process.pid': pid });
}

const { chindingsSym, streamSym } = pino.symbols;

/**
 * Logs an entry as a logger of this module would. Its fields need no serializer, and so no look at each of them, which
 * takes pino most of its time.
 */
export function logPlain(
  logger: Pick<Logger, 'isLevelEnabled'>,
  level: LogLevel,
  fields: object,
  msg: string,
): void {
  if (!logger.isLevelEnabled(level)) return;
  const parts = logger as unknown as Readonly<Record<symbol, unknown>>;
  const entry = JSON.stringify({ ...fields, msg }).slice(1);
  const line = `{"level":"${level}"${timestamp()}${parts[chindingsSym]},${entry}\n`;
  (parts[streamSym] as DestinationStream).write(escapeInvisible(line));
}

let timeMs = 0;
let time = '';

/** Cached for a millisecond: formatting the time is a quarter of the cost of a line. */
function timestamp(): string {
  const now = Date.now();
  if (now !== timeMs) {
    timeMs = now;
    time = `,"time":"${new Date(now).toISOString()}"`;
  }
  return time;
}

function terminal(): DestinationStream | undefined {
  return isatty(stdoutFd) ? prettyLines(pino.destination(stdoutFd)) : undefined;
}

/** One per logger. */
const flushes: (() => void)[] = [];

/** Writes the lines that are still buffered; to be called as the process exits. */
export function flushLogs(): void {
  for (const flush of flushes) flush();
}

function inBatches(maxBytes: number): DestinationStream {
  const batches = new LineBatches(stdoutFd, maxBytes);
  flushes.push(() => batches.flush());
  return batches;
}

interface ErrorDescription {
  readonly type: string;
  readonly code?: unknown;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cause?: ErrorDescription;
}

/** Reduces an error to known members: libraries attach requests and headers to errors. */
export function describeError(error: unknown, maxCauses = 5): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' };
  return {
    type: error.name,
    ...('code' in error ? { code: error.code } : {}),
    message: error.message,
    stack: error.stack,
    // Bounded, since a chain of causes may be circular.
    ...(error.cause === undefined || maxCauses === 0
      ? {}
      : { cause: describeError(error.cause, maxCauses - 1) }),
  };
}
