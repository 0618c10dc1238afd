import { isoTime } from './context.ts';
import { inputInvalid } from './operation-error.ts';

const isoForm =
  /^(?<day>\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Parses a token's expiry: an ISO 8601 date (midnight UTC), or a date and time with a zone. Returns it
 * in UTC. @throws OperationError input_invalid, also if it has passed
 */
export function parseExpiry(text: string, nowMs: number): string {
  const day = isoForm.exec(text)?.groups?.day;
  const time = Date.parse(text);
  if (day === undefined || Number.isNaN(time) || !isCalendarDay(day)) {
    throw inputInvalid(
      `${JSON.stringify(text)} is not an ISO 8601 date, or date and time with a zone`,
      'examples: 2030-01-31, 2030-01-31T18:00:00Z, 2030-01-31T18:00:00+03:00',
    );
  }
  if (time > nowMs) return isoTime(time);
  throw inputInvalid(
    `${JSON.stringify(text)} is in the past`,
    'an expired token is never released: set a later expiry, or none',
  );
}

/** Date.parse reads 30 February as 2 March. */
function isCalendarDay(day: string): boolean {
  return isoTime(Date.parse(day)).startsWith(day);
}
