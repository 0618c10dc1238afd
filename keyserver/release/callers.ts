import type { Clock } from '../../shared/clock.ts';
import {
  callerKeyHash,
  isCallerKey,
  type KeyPrefix,
  keyFingerprint,
} from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import type { Credential } from '../../shared/protocol/messages.ts';
import type { AppDocument, CallerKey, ProxyDocument } from '../at-rest/document-row.ts';
import type { QuestionDependencies, Sender } from '../exchange/question.ts';
import type { Caller } from '../registry/document-loader.ts';
import type { Registry } from '../registry/registry.ts';

export const anonymousApp = 'anonymous';

export type ProxyLimits = Pick<ProxyDocument, 'clients' | 'types'>;

/** The authenticated sender of a request: an app, usually through a proxy. */
export interface Requester {
  /** Undefined if the app sent the request to KeyServer itself. */
  readonly proxyId: string | undefined;
  /** The clients and types that the proxy is limited to; undefined if there is no proxy. */
  readonly proxyLimits: ProxyLimits | undefined;
  readonly appId: string;
  readonly app: AppDocument;
  /** Earliest expiry of the keys of proxy and app, milliseconds since the Unix epoch; Infinity: never. */
  readonly keysExpireAt: number;
}

type Callers = Pick<QuestionDependencies, 'registry' | 'clock'>;

/**
 * Authenticates the sender of a request, whose client certificate has these names. Without a credential it is the app
 * `anonymous`, without a proxy.
 * @throws ServiceError caller_unauthenticated with the reason `proxy_unknown` or `app_unknown`, which lets a
 * proxy distinguish its own fault from its caller's; grant_denied if an app without a proxy is not direct
 */
function authenticate(
  callers: Callers,
  credential: Credential | undefined,
  sender: Sender,
): Requester {
  const proxyKey = credential?.proxy ?? null;
  const proxy = proxyKey === null ? undefined : findProxy(callers, proxyKey, sender);
  const appKey = credential?.app ?? null;
  const { id, key, document } =
    appKey === null ? anonymous(callers.registry) : findApp(callers, appKey, sender.log);
  sender.log.app = id;
  if (proxy === undefined && document.direct !== true) {
    if (appKey === null) throw appUnknown(missing);
    throw new ServiceError('grant_denied', {
      reason: 'not_direct',
      detail:
        'This app must call through a SecureProxy; only direct apps get tokens from KeyServer.',
    });
  }
  const keysExpireAt = Math.min(expiryOf(proxy?.key), expiryOf(key));
  return {
    proxyId: proxy?.id,
    proxyLimits: proxy?.document,
    appId: id,
    app: document,
    keysExpireAt,
  };
}

/**
 * Finds the proxy of a key. With a wrong certificate the key counts as unknown, so that its thief learns nothing.
 * @throws ServiceError caller_unauthenticated with the reason `proxy_unknown`
 */
export function findProxy(
  { registry, clock }: Callers,
  key: string,
  { log, certificateNames }: Sender,
): Caller<'proxy'> {
  const keyHash = hashOf(key, 'spx_');
  const found = keyHash === undefined ? undefined : registry.proxyByKeyHash(keyHash);
  log.proxy = found?.id;
  if (found !== undefined) registry.callerWarnings.noteKey('proxy', found.id, found.key);
  if (
    found === undefined ||
    hasKeyExpired(found.key, clock) ||
    !hasCertificate(registry, found, certificateNames)
  ) {
    log.key_fingerprint = keyHash && keyFingerprint(keyHash);
    throw new ServiceError('caller_unauthenticated', {
      reason: 'proxy_unknown',
      detail: 'The proxy key is unknown.',
    });
  }
  registry.keyUses.note(found.key);
  return found;
}

/**
 * Finds a caller; before a key that is not known is rejected, the database is looked at, since it may be new.
 * @throws ServiceError as `find` does
 */
export async function recognize<T>(
  registry: Pick<Registry, 'look'>,
  log: LogFields,
  find: () => T,
): Promise<T> {
  try {
    return find();
  } catch (error) {
    // Only a well-formed key that is refused has a fingerprint.
    if (log.key_fingerprint === undefined || !(await registry.look())) throw error;
  }
  log.key_fingerprint = undefined;
  return find();
}

/**
 * Authenticates the sender of a request. The position is read along with the app: while the nonce is checked, documents
 * may be loaded that it lacks. @throws ServiceError as {@link authenticate}
 */
export function identify(callers: Callers, credential: Credential | undefined, sender: Sender) {
  const { registry } = callers;
  return recognize(registry, sender.log, () => ({
    requester: authenticate(callers, credential, sender),
    position: { seq: registry.seq, ageMs: registry.ageMs },
  }));
}

/** Seconds that an answer may be cached: the keys' expiry is no change, so `/changes` never lists it. */
export function cappedByKeys(
  seconds: number,
  { keysExpireAt }: Pick<Requester, 'keysExpireAt'>,
  nowMs: number,
): number {
  return Math.max(0, Math.min(seconds, Math.floor((keysExpireAt - nowMs) / 1000)));
}

function hasCertificate(
  registry: Registry,
  { id, document }: Caller<'proxy'>,
  names: readonly string[],
): boolean {
  const { certificateNames } = document;
  if (certificateNames === undefined || certificateNames.some((name) => names.includes(name))) {
    return true;
  }
  registry.callerWarnings.noteCertificate(id, names);
  return false;
}

function findApp({ registry, clock }: Callers, key: string, log: LogFields): Caller<'app'> {
  const keyHash = hashOf(key, 'spk_');
  const found = keyHash === undefined ? undefined : registry.appByKeyHash(keyHash);
  if (found !== undefined) registry.callerWarnings.noteKey('app', found.id, found.key);
  if (found === undefined || hasKeyExpired(found.key, clock)) {
    log.app = found?.id;
    log.key_fingerprint = keyHash && keyFingerprint(keyHash);
    // One answer for a key that ended, was revoked or never was: a thief learns nothing of it.
    throw appUnknown('unknown or expired');
  }
  registry.keyUses.note(found.key);
  return found;
}

/** Undefined for text that is no key: it could be a secret of another kind. */
function hashOf(key: string, prefix: KeyPrefix): string | undefined {
  return isCallerKey(key, prefix) ? callerKeyHash(key) : undefined;
}

const missing =
  'missing: SecureProxy takes it as Authorization: Bearer spk_… or in any other header';

function anonymous(registry: Registry) {
  const document = registry.app(anonymousApp);
  if (document === undefined) throw appUnknown(missing);
  return { id: anonymousApp, key: undefined, document };
}

function appUnknown(fault: string): ServiceError {
  return new ServiceError('caller_unauthenticated', {
    reason: 'app_unknown',
    detail: `The app key is ${fault}.`,
  });
}

export function hasKeyExpired(key: CallerKey, clock: Clock): boolean {
  // A date that cannot be parsed is NaN, which counts as expired.
  return !(expiryOf(key) > clock.now());
}

function expiryOf(key: CallerKey | undefined): number {
  return key?.expiresAt === undefined ? Infinity : Date.parse(key.expiresAt);
}
