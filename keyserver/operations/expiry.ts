import { isoTime } from './context.ts';
import { inputInvalid } from './operation-error.ts';

const isoForm =
  /^(?<day>\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Parses a token's expiry: an ISO 8601 date (midnight UTC), or a date and time with a zone. Returns it
 * in UTC, and `never` as it is. No message quotes it, since it may be a misplaced secret.
 * @throws OperationError input_invalid, also if it has passed
 */
export function parseExpiry(text: string, nowMs: number): string {
  if (text === 'never') return text;
  const day = isoForm.exec(text)?.groups?.day;
  const time = Date.parse(text);
  if (day === undefined || Number.isNaN(time) || !isCalendarDay(day)) {
    throw inputInvalid(
      'the expiry is not an ISO 8601 date, or date and time with a zone',
      'examples: 2030-01-31, 2030-01-31T18:00:00Z, 2030-01-31T18:00:00+03:00, never',
    );
  }
  if (time > nowMs) return isoTime(time);
  throw inputInvalid(
    'the expiry is in the past',
    'an expired token is never released: set a later expiry, or none',
  );
}

/**
 * The expiry to store: the given one, or that of the secret's JWT. `never` stands for none, whatever the JWT says.
 * @throws OperationError input_invalid if the JWT has expired and nothing is given
 */
export function chosenExpiry(
  given: string | undefined,
  ofJwt: string | undefined,
  nowMs: number,
): string | undefined {
  if (given === 'never') return undefined;
  if (given !== undefined || ofJwt === undefined) return given;
  if (Date.parse(ofJwt) > nowMs) return ofJwt;
  throw inputInvalid(
    `the secret is a JWT that expired at ${ofJwt}`,
    'get a new token; if this one is taken all the same, give its expiry, or never',
  );
}

/** Date.parse reads 30 February as 2 March. */
function isCalendarDay(day: string): boolean {
  return isoTime(Date.parse(day)).startsWith(day);
}
