import type { IncomingHttpHeaders } from 'node:http';
import type { LimitSignal } from '../../shared/policy/schema.ts';

const limitStatuses = [420, 429];
const defaultMaxSeconds = 300;
/** If a marketplace does not say for how long. */
const unknownMs = 1000;

/** Headers that say when to call again, the most reliable first; names in lower case. */
const waitHeaders = [
  'retry-after-ms',
  'x-ms-retry-after-ms',
  'retry-after',
  'x-ratelimit-retry',
  'x-ratelimit-retry-after',
  'x-ratelimit-resource-until',
  'ratelimit-reset',
  'x-ratelimit-reset',
  'x-rate-limit-reset',
  'x-next-replenishment-time',
  'x-next-replenish-time',
];
/** Headers with the requests that are left, each with that of the time when there are more. */
const remainingHeaders: readonly (readonly [remaining: string, reset: string])[] = [
  ['x-ratelimit-resource-remaining', 'x-ratelimit-resource-until'],
  ['ratelimit-remaining', 'ratelimit-reset'],
  ['x-ratelimit-remaining', 'x-ratelimit-reset'],
  ['x-rate-limit-remaining', 'x-rate-limit-reset'],
];

/** For how long an answer's head says that no call is wanted, milliseconds, capped; undefined: it says nothing. */
export function signalOf(
  { statuses = limitStatuses, maxSeconds }: LimitSignal,
  status: number,
  headers: IncomingHttpHeaders,
  nowMs: number,
): number | undefined {
  const wait = statuses.includes(status)
    ? (announcedWait(headers, nowMs) ?? unknownMs)
    : exhaustedWait(headers, sentAt(headers, nowMs));
  return wait === undefined ? undefined : capped(wait, maxSeconds);
}

/** As {@link signalOf}, of an answer whose body says that a limit was reached. */
export function bodySignalOf(
  { maxSeconds }: LimitSignal,
  headers: IncomingHttpHeaders,
  nowMs: number,
): number {
  return capped(announcedWait(headers, nowMs) ?? unknownMs, maxSeconds);
}

function capped(waitMs: number, maxSeconds = defaultMaxSeconds): number {
  return Math.min(waitMs, maxSeconds * 1000);
}

/** The wait that the headers of a rejection announce, milliseconds; undefined if none does. */
export function announcedWait(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const fromMs = sentAt(headers, nowMs);
  for (const name of waitHeaders) {
    const wait = waitOf(name, textOf(headers[name]), fromMs);
    if (wait !== undefined) return wait;
  }
  return structuredWait(textOf(headers.ratelimit));
}

/** By the marketplace's own clock, if it shows it, since its dates are of that one. */
function sentAt({ date }: IncomingHttpHeaders, nowMs: number): number {
  const sentMs = Date.parse(date ?? '');
  return Number.isNaN(sentMs) ? nowMs : sentMs;
}

/** The wait if this answer was the last that a budget allowed. */
function exhaustedWait(headers: IncomingHttpHeaders, fromMs: number): number | undefined {
  for (const [remaining, reset] of remainingHeaders) {
    if (textOf(headers[remaining])?.trim() !== '0') continue;
    const wait = waitOf(reset, textOf(headers[reset]), fromMs);
    if (wait !== undefined && wait > 0) return wait;
  }
  return structuredWait(textOf(headers.ratelimit));
}

const secondsForm = /^\d{1,15}(?:\.\d{1,9})?$/;
/** Greater numbers are seconds since the epoch, as of 2001, and still greater ones milliseconds. */
const minEpochSeconds = 1e9;
const minEpochMs = 1e12;

/** Reads seconds, also with a fraction, a time since the epoch, or a date in any form that HTTP has had. */
function waitOf(name: string, text: string | undefined, fromMs: number): number | undefined {
  const value = text?.trim();
  if (value === undefined || value === '') return undefined;
  if (secondsForm.test(value)) {
    const number = Number(value);
    if (number >= minEpochMs) return Math.max(0, number - fromMs);
    if (number >= minEpochSeconds) return Math.max(0, number * 1000 - fromMs);
    return name.endsWith('-ms') ? number : number * 1000;
  }
  // Only what names a month or begins with a year: `Date.parse` takes almost anything.
  const at = /^\d{4}-\d\d-\d\dT|[A-Z][a-z]{2}/.test(value) ? Date.parse(zoned(value)) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - fromMs);
}

/** Dates of HTTP are in GMT, also if they do not say so, as asctime's (RFC 9110 §5.6.7). */
function zoned(date: string): string {
  return /(?:GMT|UTC|Z|[+-]\d\d:?\d\d)$/.test(date) ? date : `${date} GMT`;
}

/** Of `RateLimit: "name";r=0;t=30` (draft-ietf-httpapi-ratelimit-headers-10 §4), the longest wait of an empty quota. */
function structuredWait(text: string | undefined): number | undefined {
  const waits = (text ?? '').split(',').flatMap((item) => {
    const time = /;\s*r=0(?:;|$)/.test(item) ? /;\s*t=(\d{1,9})(?:;|$)/.exec(item)?.[1] : undefined;
    return time === undefined || time === '0' ? [] : [Number(time) * 1000];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
