import type { Clock } from '../../shared/clock.ts';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import { ServiceError } from '../../shared/errors.ts';
import {
  judgeReferenceGrants,
  parseRequest,
  probeOf,
  resolveTarget,
  sentUrl,
} from '../../shared/policy/decide.ts';
import { judgeDestination } from '../../shared/policy/destination.ts';
import { judgeDirectGrants, judgeGrants, noGrant } from '../../shared/policy/grant.ts';
import { grantId } from '../../shared/policy/grant-id.ts';
import { isReference } from '../../shared/policy/reference.ts';
import { judgeRouting } from '../../shared/policy/routing.ts';
import type { Grant, Policy, Target } from '../../shared/policy/schema.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';
import { checkAllowed } from '../../shared/policy/verdict.ts';
import type { Steps } from '../../shared/protocol/explanation.ts';
import { certificatesOf, subjectOf } from '../../shared/tls/pem.ts';
import { hasExpired, openSecret, type Secret, secondsLeft } from '../at-rest/secret.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import type { Requester } from './callers.ts';
import { judgeProxyLimits } from './proxy-limits.ts';

/** A request for a token, authenticated but not authorised yet. */
export interface TokenQuery {
  readonly requester: Requester;
  /** The grants of the app that match client and type. */
  readonly grants: readonly Grant[];
  readonly clientId: string;
  readonly tokenType: string;
  /** Undefined for a direct app that names none; `probe`: the one of the type. */
  readonly target: Target | 'probe' | undefined;
}

/**
 * Decides by grant, then type, then destination, so that an app without a grant learns nothing about types.
 * `steps` records the decision. @throws ServiceError
 */
export function judge(
  registry: Pick<Registry, 'policy'>,
  query: TokenQuery,
  steps?: Steps,
): { readonly policy: Policy; readonly isPlain: boolean } {
  const { requester, grants, clientId, tokenType, target } = query;
  if (requester.proxyId === undefined) {
    steps?.begin('direct');
    checkAnyGrant(query);
    const grant = checkAllowed(judgeDirectGrants(grants));
    steps?.record({ grant: withId(grant) });
  }
  // Such a target needs the type, of which an app without any grant learns nothing, not even whether it has a probe.
  const isOfType = target === 'probe' || (target !== undefined && isReference(target.url));
  if (isOfType && grants.length === 0) {
    steps?.begin('grant');
    checkAllowed(noGrant(query));
  }
  const judged = isOfType || target === undefined ? undefined : judgeTarget(query, target, steps);
  // After the grant, so that an app without one learns nothing of the proxy.
  const limited = judgeProxyLimits(requester.proxyLimits, clientId, tokenType);
  if (!limited.allowed && isOfType) steps?.begin('grant');
  checkAllowed(limited);
  steps?.begin('type');
  const policy = registry.policy(tokenType);
  if (policy === undefined) {
    throw new ServiceError('type_not_found', {
      detail: 'The token type is not defined; define it with keyserver-admin type put.',
    });
  }
  if (policy.ca !== undefined) steps?.record({ ca: certificatesOf(policy.ca).map(subjectOf) });
  const granted = isOfType
    ? judgeTarget(query, targetOf(policy, target, steps), steps, policy)
    : judged;
  let isPlain = false;
  if (granted) {
    const { url, grant } = granted;
    steps?.begin('destination');
    const destined = checkAllowed(judgeDestination(policy, url));
    const { destination, isTokenEndpoint } = destined;
    isPlain = destined.isPlain;
    steps?.record({
      destination,
      ...(isTokenEndpoint ? { tokenEndpoint: true } : isPlain && { plain: true }),
    });
    if (policy.routedBy !== undefined && !isTokenEndpoint) {
      steps?.begin('operation');
      const routed = checkAllowed(
        judgeRouting(policy, grants, grant, sentUrl(policy, url, destined)),
      );
      steps?.record({ grant: withId(routed) });
    }
  }
  return { policy, isPlain };
}

/** The target that the type makes whole. @throws ServiceError destination_denied if it has no such destination */
function targetOf(policy: Policy, target: Target | 'probe', steps?: Steps): Target {
  if (target === 'probe') return checkAllowed(probeOf(policy));
  const resolved = resolveTarget(policy, target);
  if (!resolved.allowed) steps?.begin('destination');
  return checkAllowed(resolved);
}

function checkAnyGrant(query: TokenQuery): void {
  if (query.grants.length === 0) checkAllowed(noGrant(query));
}

/** @param policy of a target that the type has made whole */
function judgeTarget(
  query: TokenQuery,
  target: Target,
  steps?: Steps,
  policy?: Policy,
): { readonly url: TargetUrl; readonly grant: Grant } {
  steps?.begin('url');
  const url = checkAllowed(parseRequest(target));
  steps?.record({ url: url.href });
  steps?.begin('grant');
  checkAnyGrant(query);
  const { grants } = query;
  const grant = checkAllowed(
    policy === undefined
      ? judgeGrants(grants, target.method, url)
      : judgeReferenceGrants(policy, grants, target.method, url),
  );
  steps?.record({ grant: withId(grant) });
  return { url, grant };
}

function withId(grant: Grant) {
  return { id: grantId(grant), ...grant };
}

export interface SecretSources {
  readonly store: Pick<Store, 'findTokens'>;
  readonly keyring: Keyring;
  readonly clock: Clock;
  /** Set only if `UNSAFE_LEGACY_ROWS` is on. */
  readonly legacyKey: LegacyKey | undefined;
}

/** Reads and opens the token of a client and type. @throws ServiceError */
export async function readSecret(
  { store, keyring, legacyKey, clock }: SecretSources,
  { clientId, tokenType }: TokenQuery,
  { injection }: Policy,
  steps?: Steps,
): Promise<Secret> {
  steps?.begin('token');
  const [row, ...others] = await findTokens(store, clientId, tokenType);
  if (row === undefined) {
    throw new ServiceError('token_not_found', {
      detail:
        'No token is stored for this client and type; store one with keyserver-admin token put.',
    });
  }
  if (others.length > 0) {
    throw new ServiceError('integrity_failed', {
      reason: 'duplicate_rows',
      detail: 'Two rows are stored for this client and type.',
    });
  }
  let secret: Secret;
  try {
    secret = openSecret(keyring, row, legacyKey, injection);
  } catch (error) {
    throw new ServiceError('integrity_failed', {
      reason: 'token_refused',
      detail: 'The stored token cannot be opened.',
      cause: error,
    });
  }
  if (hasExpired(secret, clock.now())) {
    throw new ServiceError('token_expired', {
      detail: `The stored token expired at ${secret.expiresAt}; store a new one with keyserver-admin token put.`,
    });
  }
  steps?.record({ expiresIn: secondsLeft(secret, clock.now()) });
  return secret;
}

async function findTokens(store: SecretSources['store'], clientId: string, tokenType: string) {
  try {
    return await store.findTokens(clientId, tokenType);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new ServiceError('keyserver_unavailable', {
      reason: 'database',
      retryAfterSeconds: 1,
      detail: 'The database is unavailable; try again.',
      cause: error,
    });
  }
}
