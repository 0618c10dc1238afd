import { Compile } from 'typebox/compile';
import type { Clock } from '../shared/clock.ts';
import { openText, requestAad, responseAad, sealText } from '../shared/crypto/exchange.ts';
import type { LegacyKey } from '../shared/crypto/legacy-row.ts';
import { OpenError } from '../shared/crypto/open-error.ts';
import { ServiceError } from '../shared/errors.ts';
import {
  type Credential,
  CredentialSchema,
  type Release,
  type ReleaseRequest,
} from '../shared/messages.ts';
import { nameFault } from '../shared/names.ts';
import { judgeRequest } from '../shared/policy/decide.ts';
import { judgeDestination } from '../shared/policy/destination.ts';
import { judgeDirectGrants, matchingGrants } from '../shared/policy/grant.ts';
import type { Grant, Policy, Target } from '../shared/policy/schema.ts';
import { checkAllowed } from '../shared/policy/verdict.ts';
import type { LogFields } from '../shared/request-log.ts';
import { type Asker, authenticate } from './callers.ts';
import type { Keyring } from './keys/keyring.ts';
import type { Nonces } from './nonces.ts';
import type { Registry } from './registry.ts';
import { hasExpired, openSecret, type Secret, secondsLeft } from './secret.ts';
import { type Session, type Sessions, sessionInvalid } from './sessions.ts';
import { type Store, StoreUnavailableError } from './store/store.ts';

const freshSeconds = 60;
const defaultCacheSeconds = 60;
const credentialValidator = Compile(CredentialSchema);

export interface ReleaseDependencies {
  readonly sessions: Sessions;
  readonly registry: Registry;
  readonly nonces: Nonces;
  readonly store: Store;
  readonly keyring: Keyring;
  readonly clock: Clock;
  /** Given only under `UNSAFE_LEGACY_ROWS`. */
  readonly legacyKey: LegacyKey | undefined;
}

/**
 * Releases a token: session → who asks → replay → grant and destination → token → sealed answer.
 * A refusal falls before the token is read (docs/protocol.md §4). Resolves to base64.
 * @throws ServiceError
 */
export async function release(
  dependencies: ReleaseDependencies,
  request: ReleaseRequest,
  log: LogFields,
): Promise<string> {
  const { sessions, registry, nonces, clock } = dependencies;
  checkShape(request);
  checkFresh(request, clock);
  const session = await sessions.open(request);
  const credential = openCredential(session, request);
  const asker = authenticate(registry, clock, credential);
  const { clientId, tokenType, nonce } = request;
  log.proxy = asker.proxyId;
  log.app = asker.appId;
  log.client = clientId;
  log.token_type = tokenType;
  log.release = session.source;
  if (session.source === 'rsa' && nonce !== undefined) {
    // By app too, so that one app, which may have no grant at all, fills no memory of another's.
    nonces.use(JSON.stringify([asker.proxyId, asker.appId]), nonce);
  }
  const grants = matchingGrants(asker.app.grants, clientId, tokenType);
  const policy = judge(registry, asker, grants, tokenType, credential?.target);
  const { seq } = registry;
  const secret = await readSecret(dependencies, clientId, tokenType);
  const answer: Release = {
    app: asker.appId,
    fields: secret.fields,
    policy,
    grants,
    cacheSeconds: policy.cacheSeconds ?? defaultCacheSeconds,
    expiresIn: secondsLeft(secret, clock.now()),
    seq,
    ...(credential && session.issueTicket ? { session: session.issueTicket() } : {}),
  };
  return sealText(session.key, JSON.stringify(answer), responseAad(request));
}

function invalid(reason: string, detail: string): ServiceError {
  return new ServiceError('request_invalid', { reason, detail });
}

/** What the schema cannot say: which members go together, and what names are. */
function checkShape({
  sessionKey,
  session,
  credential,
  timestamp,
  nonce,
  clientId,
  tokenType,
}: ReleaseRequest): void {
  if ((sessionKey === undefined) === (session === undefined)) {
    throw invalid('session', 'Exactly one of sessionKey and session is needed.');
  }
  if ((timestamp === undefined) !== (nonce === undefined)) {
    throw invalid('freshness', 'timestamp and nonce go together.');
  }
  if (nonce === undefined && (credential !== undefined || session !== undefined)) {
    throw invalid(
      'freshness',
      'timestamp and nonce are required with credential and with session.',
    );
  }
  if (session !== undefined && credential === undefined) {
    throw invalid('credential', 'credential is required with session.');
  }
  for (const [name, value] of [
    ['clientId', clientId],
    ['tokenType', tokenType],
  ] as const) {
    const fault = nameFault(value);
    if (fault !== undefined) throw invalid('name', `${name} ${fault}.`);
  }
}

function checkFresh({ timestamp }: ReleaseRequest, clock: Clock): void {
  if (timestamp === undefined || Math.abs(clock.now() / 1000 - timestamp) <= freshSeconds) return;
  throw new ServiceError('request_stale', {
    reason: 'timestamp',
    detail: `timestamp is more than ${freshSeconds} s from this clock: set both clocks.`,
  });
}

function openCredential(session: Session, request: ReleaseRequest): Credential | undefined {
  const { credential, timestamp, nonce, clientId, tokenType } = request;
  if (credential === undefined || timestamp === undefined || nonce === undefined) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(
      openText(session.key, credential, requestAad({ clientId, tokenType, timestamp, nonce })),
    );
  } catch (error) {
    // A JSON error would quote the credential's keys.
    throw error instanceof OpenError
      ? sessionInvalid()
      : invalid('credential', 'The credential is not JSON.');
  }
  if (!credentialValidator.Check(content)) {
    throw invalid(
      'credential',
      'The credential has other members than {proxy, app, target}, or of other types.',
    );
  }
  if (content.proxy !== null && content.target === undefined) {
    throw invalid('credential', 'A proxy names the target that the token is for.');
  }
  return content;
}

/** Grant first, then type, then destination; so that without a grant nothing shows. @throws ServiceError */
function judge(
  registry: Registry,
  asker: Asker,
  grants: readonly Grant[],
  tokenType: string,
  target: Target | undefined,
): Policy {
  if (asker.proxyId === undefined) checkAllowed(judgeDirectGrants(grants));
  const url = target && checkAllowed(judgeRequest(grants, target));
  const policy = registry.policy(tokenType);
  if (policy === undefined) {
    throw new ServiceError('type_not_found', {
      detail: 'The token type is not defined; keyserver-admin type put defines it.',
    });
  }
  if (url) checkAllowed(judgeDestination(policy, url));
  return policy;
}

async function readSecret(
  { store, keyring, legacyKey, clock }: ReleaseDependencies,
  clientId: string,
  tokenType: string,
): Promise<Secret> {
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
  return secret;
}

async function findTokens(store: Store, clientId: string, tokenType: string) {
  try {
    return await store.findTokens(clientId, tokenType);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    throw new ServiceError('keyserver_unavailable', {
      reason: 'database',
      retryAfterSeconds: 1,
      detail: 'The database cannot answer now.',
      cause: error,
    });
  }
}
