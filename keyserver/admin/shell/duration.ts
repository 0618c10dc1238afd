import { inputInvalid } from '../../operations/operation-error.ts';

const secondsIn = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const maxDays = 365;

/** Parses `90s`, `30m`, `24h` or `7d` to seconds. @throws OperationError input_invalid */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * secondsIn[unit as keyof typeof secondsIn];
  // NaN if the text has another form.
  if (seconds <= maxDays * secondsIn.d) return seconds;
  throw inputInvalid(
    `${JSON.stringify(text)} is not a duration up to ${maxDays}d`,
    'a duration is a number with a unit: 90s, 30m, 24h, 7d',
  );
}
