import type { LogLevel } from '../../shared/log/levels.ts';
import { createLogger } from '../../shared/log/logging.ts';

export type LogLine = Readonly<Record<string, unknown>>;

/** A logger that keeps its lines, at every level unless told. */
export function capturedLog(service: string, level: LogLevel = 'trace') {
  const lines: string[] = [];
  const logger = createLogger(service, level, { write: (line: string) => void lines.push(line) });
  return {
    logger,
    /** All lines as written. */
    text: () => lines.join(''),
    lines: () => lines.map((line): LogLine => JSON.parse(line)),
  };
}
