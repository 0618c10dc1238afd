import { ServiceError } from '../../shared/errors.ts';
import type { Bucket } from './store.ts';

type LimitReason = 'limit_reached' | 'limit_closed' | 'limit_queue';

const details: Readonly<Record<LimitReason, (limit: string, seconds: number) => string>> = {
  limit_reached: (limit, seconds) =>
    `Other calls use up ${limit} of the token type, and this one would have to wait for ${seconds} s, which is too long.`,
  limit_closed: (_limit, seconds) =>
    `The marketplace asked for no calls for another ${seconds} s, which is too long to wait.`,
  limit_queue: (limit) => `Too many calls wait for ${limit} of the token type.`,
};

/** Our 429. `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers-10. */
export function rateLimited(
  reason: LimitReason,
  waitMs: number,
  bucket: Bucket | undefined,
): ServiceError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new ServiceError('rate_limited', {
    reason,
    detail: details[reason](
      bucket && hasQuota(bucket) ? `the limit ${bucket.name}` : 'a limit',
      seconds,
    ),
    retryAfterSeconds: seconds,
    ...(bucket && {
      headers: {
        ratelimit: `${nameOf(bucket)};r=0;t=${seconds}`,
        ...(hasQuota(bucket) && { 'ratelimit-policy': `${nameOf(bucket)}${policyOf(bucket)}` }),
      },
    }),
  });
}

/** A String of RFC 9651 §3.3.3: a limit's text is visible ASCII. */
function nameOf({ name }: Bucket): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}

/** A bucket that only signals close has none. */
function hasQuota({ rate, concurrent }: Bucket): boolean {
  return rate !== undefined || concurrent !== undefined;
}

function policyOf({ rate, concurrent }: Bucket): string {
  if (rate !== undefined) return `;q=${rate.requests};w=${rate.seconds}`;
  return `;q=${concurrent};qu="concurrent-requests"`;
}
