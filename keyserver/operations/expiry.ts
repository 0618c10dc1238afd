import { isoTime } from './context.ts';
import { AdminError } from './operation-error.ts';

const isoForm =
  /^(?<day>\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Parses when a token ends: an ISO 8601 date (midnight UTC) or a date and time with its zone.
 * Returns it in UTC. @throws AdminError input_invalid, also where it is past
 */
export function parseExpiry(text: string, nowMs: number): string {
  const day = isoForm.exec(text)?.groups?.day;
  const time = Date.parse(text);
  if (day === undefined || Number.isNaN(time) || !isCalendarDay(day)) {
    throw new AdminError(
      'input_invalid',
      `${JSON.stringify(text)} is no ISO 8601 date or time with a zone`,
      'examples: 2030-01-31, 2030-01-31T18:00:00Z, 2030-01-31T18:00:00+03:00',
    );
  }
  if (time > nowMs) return isoTime(time);
  throw new AdminError(
    'input_invalid',
    `${JSON.stringify(text)} is past`,
    'a token that has ended is not given out: leave --expires away, or store one that lasts',
  );
}

/** Date.parse would take 30 February for 2 March. */
function isCalendarDay(day: string): boolean {
  return isoTime(Date.parse(day)).startsWith(day);
}
