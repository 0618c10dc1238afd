import { hash } from 'node:crypto';
import { ServiceError } from '../../shared/errors.ts';
import { memoize, memoizeByText } from '../../shared/memoize.ts';
import { costOf, isLimitedBy, type Limit, parseLimit } from '../../shared/policy/limit.ts';
import { PolicyError } from '../../shared/policy/policy-error.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';
import type { Bucket, Demand } from './store.ts';

export interface LimitedCall {
  readonly clientId: string;
  readonly tokenType: string;
  readonly url: TargetUrl;
}

export interface LimitDemand extends Demand {
  readonly limit: Limit | undefined;
}

/** Stands for the signals of a marketplace whose limits the type does not have. */
const signalName = 'signal';

/** Limits of a policy, parsed once, since a cached release serves many calls. One that stands twice counts once. */
const limitsOf = memoize(({ limits }: Policy): readonly Limit[] =>
  [...new Set(limits)].map(parseLimit),
);

/** False: no call of the type has a share of limits. */
export function isLimited({ limits, limitSignal }: Policy): boolean {
  return limits !== undefined || limitSignal !== undefined;
}

/**
 * A call's share of the limits of its type; empty if the type has none. Without limits, a type that heeds signals has a
 * bucket that only they close.
 * @throws ServiceError integrity_failed for a limit that this version does not know
 */
export function demandsOf(policy: Policy, call: LimitedCall): readonly LimitDemand[] {
  if (!isLimited(policy)) return [];
  const limits = knownLimits(policy).filter((limit) => isLimitedBy(limit, call.url));
  const counted = limits.length > 0 || policy.limitSignal === undefined ? limits : [undefined];
  return counted.map((limit) => ({
    bucket: bucketOf(call, limit),
    cost: limit === undefined ? 1 : costOf(limit, call.url),
    limit,
  }));
}

/** The bucket that a signal closes: one of the client, so that others need not pause, and of those one of the path. */
export function signalledOf(demands: readonly LimitDemand[]): Bucket | undefined {
  return demands.toSorted((one, other) => breadthOf(one) - breadthOf(other))[0]?.bucket;
}

function breadthOf({ limit }: LimitDemand): number {
  return (limit?.perType ? 2 : 0) + (limit?.paths.length ? 0 : 1);
}

function knownLimits(policy: Policy): readonly Limit[] {
  try {
    return limitsOf(policy);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new ServiceError('integrity_failed', {
      reason: 'policy',
      detail: 'The token type has a limit that this version of SecureProxy does not know.',
      cause: error,
    });
  }
}

/** Of one length, and without names. */
const keyOf = memoizeByText((names) => hash('sha256', names, 'base64url'));

function bucketOf({ clientId, tokenType }: LimitedCall, limit: Limit | undefined): Bucket {
  const name = limit?.name ?? signalName;
  const client = limit?.perType === true ? null : clientId;
  return {
    key: keyOf(JSON.stringify([tokenType, client, name])),
    name,
    rate: limit?.rate,
    concurrent: limit?.concurrent,
  };
}
