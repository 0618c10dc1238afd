import type { Clock } from '../../shared/clock.ts';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import { ServiceError } from '../../shared/errors.ts';
import { parseRequest } from '../../shared/policy/decide.ts';
import { judgeDestination } from '../../shared/policy/destination.ts';
import { judgeDirectGrants, judgeGrants } from '../../shared/policy/grant.ts';
import type { Grant, Policy, Target } from '../../shared/policy/schema.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';
import { checkAllowed } from '../../shared/policy/verdict.ts';
import type { Steps } from '../../shared/protocol/explanation.ts';
import { hasExpired, openSecret, type Secret, secondsLeft } from '../at-rest/secret.ts';
import type { Keyring } from '../keys/keyring.ts';
import { grantId } from '../registry/grant-id.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import type { Asker } from './callers.ts';

/** What a token is asked for, by someone who is known. */
export interface Asked {
  readonly asker: Asker;
  /** Those of the app's grants that match client and type. */
  readonly grants: readonly Grant[];
  readonly clientId: string;
  readonly tokenType: string;
  /** Undefined for a direct app that names none. */
  readonly target: Target | undefined;
}

/**
 * Grant first, then type, then destination; so that without a grant nothing shows. `steps`, where
 * given, learns how far it came. @throws ServiceError
 */
export function judge(
  registry: Pick<Registry, 'policy'>,
  { asker, grants, tokenType, target }: Asked,
  steps?: Steps,
): Policy {
  if (asker.proxyId === undefined) {
    steps?.begin('direct');
    const grant = checkAllowed(judgeDirectGrants(grants));
    steps?.tell({ grant: named(grant) });
  }
  const url = target && judgeTarget(grants, target, steps);
  steps?.begin('type');
  const policy = registry.policy(tokenType);
  if (policy === undefined) {
    throw new ServiceError('type_not_found', {
      detail: 'The token type is not defined; keyserver-admin type put defines it.',
    });
  }
  if (url) {
    steps?.begin('destination');
    const destination = checkAllowed(judgeDestination(policy, url));
    steps?.tell({ destination });
  }
  return policy;
}

function judgeTarget(grants: readonly Grant[], target: Target, steps?: Steps): TargetUrl {
  steps?.begin('url');
  const url = checkAllowed(parseRequest(target));
  steps?.tell({ url: url.href });
  steps?.begin('grant');
  const grant = checkAllowed(judgeGrants(grants, target.method, url));
  steps?.tell({ grant: named(grant) });
  return url;
}

function named(grant: Grant) {
  return { id: grantId(grant), ...grant };
}

/** Where tokens are, and what opens them. */
export interface SecretSources {
  readonly store: Pick<Store, 'findTokens'>;
  readonly keyring: Keyring;
  readonly clock: Clock;
  /** Given only under `UNSAFE_LEGACY_ROWS`. */
  readonly legacyKey: LegacyKey | undefined;
}

/** Reads and opens the token. @throws ServiceError */
export async function readSecret(
  { store, keyring, legacyKey, clock }: SecretSources,
  { clientId, tokenType }: Asked,
  steps?: Steps,
): Promise<Secret> {
  steps?.begin('token');
  const [row, ...others] = await findTokens(store, clientId, tokenType);
  if (row === undefined) {
    throw new ServiceError('token_not_found', {
      detail: 'No token is stored for this client and type; keyserver-admin token put stores one.',
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
    secret = openSecret(keyring, row, legacyKey);
  } catch (error) {
    throw new ServiceError('integrity_failed', {
      reason: 'token_refused',
      detail: 'The stored token does not open.',
      cause: error,
    });
  }
  if (hasExpired(secret, clock.now())) {
    throw new ServiceError('token_expired', {
      detail: 'The stored token has expired; keyserver-admin token put stores a new one.',
    });
  }
  steps?.tell({ expiresIn: secondsLeft(secret, clock.now()) });
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
      detail: 'The database cannot answer now.',
      cause: error,
    });
  }
}
