import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type DestinationStream, type Logger, pino } from 'pino';
import { escapeInvisible } from './invisible-characters.ts';
import { prettyLines } from './pretty-log.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const stdoutFd = 1;
const batchMs = 10;
/** What a pipe takes at once, also where others write to it and it is nearly full (PIPE_BUF of pipe(7)). */
const atomicBytes = 4096;

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
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
    // On the whole line: outside its strings, JSON has no such characters.
    hooks: { streamWrite: escapeInvisible },
  };
  return pino(options, destination);
}

/**
 * The logger of one process of several that write to the same output: its lines name it, and no line of up
 * to 4 KiB is torn by another's.
 */
export function createProcessLogger(service: string, level: LogLevel, pid: number): Logger {
  const logger = createLogger(service, level, terminal() ?? inBatches(atomicBytes));
  return logger.child({ 'process.pid': pid });
}

let timeMs = 0;
let time = '';

/** Spelled anew once a millisecond, since it takes a quarter of what a line costs. */
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

/** What writes the lines that wait, one a logger. */
const lastWrites: (() => void)[] = [];

/** Writes what waits, as the process exits. */
export function flushLogs(): void {
  for (const write of lastWrites) write();
}

/**
 * Lines go out together, a hundredth of a second after the first of them: to wake whoever reads them costs
 * more than all else that makes a line. {@link flushLogs} is for what a sudden end would lose.
 */
function inBatches(maxBytes = Infinity): DestinationStream & { flushSync(): void } {
  const isBounded = maxBytes < Infinity;
  const output = pino.destination({
    dest: stdoutFd,
    sync: false,
    ...(isBounded ? { maxWrite: maxBytes } : {}),
  });
  let waiting = '';
  const take = () => {
    const lines = waiting;
    waiting = '';
    return lines;
  };
  const send = () => {
    if (waiting !== '') output.write(take());
  };
  const flushSync = () => {
    try {
      writeSync(stdoutFd, take());
    } catch {
      // Nobody reads any more, and there is nowhere left to say so.
    }
  };
  lastWrites.push(flushSync);
  return {
    write: (line) => {
      if (isBounded && Buffer.byteLength(waiting) + Buffer.byteLength(line) > maxBytes) send();
      if (waiting === '') setTimeout(send, batchMs);
      waiting += line;
    },
    flushSync,
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
