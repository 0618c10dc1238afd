import type { Clock } from '../../shared/clock.ts';
import { callerKeyHash, isCallerKey } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Credential } from '../../shared/protocol/messages.ts';
import type { AppDocument, CallerKey } from '../at-rest/document-row.ts';
import type { Caller, Registry } from '../registry/registry.ts';

export const anonymousApp = 'anonymous';

/** Who asks, and for which app. */
export interface Asker {
  /** Undefined where the app asks KeyServer itself. */
  readonly proxyId: string | undefined;
  readonly appId: string;
  readonly app: AppDocument;
  /** When the first of the keys that were shown ends, in milliseconds since 1970; Infinity: none does. */
  readonly keysEndAt: number;
}

/**
 * Finds out who asks. No credential means the app `anonymous`, directly.
 * @throws ServiceError caller_unauthenticated, with the reason `proxy_unknown` or `app_unknown`, so
 * that a proxy can tell its own trouble from its caller's.
 */
export function authenticate(
  registry: Registry,
  clock: Clock,
  credential: Credential | undefined,
): Asker {
  const proxyKey = credential?.proxy ?? null;
  const proxy = proxyKey === null ? undefined : findProxy(registry, clock, proxyKey);
  const appKey = credential?.app ?? null;
  const { id, key, document } =
    appKey === null ? anonymous(registry) : findApp(registry, clock, appKey);
  if (proxy === undefined && document.direct !== true) {
    if (appKey === null) throw appUnknown();
    throw new ServiceError('grant_denied', {
      reason: 'not_direct',
      detail: 'This app asks through a SecureProxy; only direct apps get tokens from KeyServer.',
    });
  }
  const keysEndAt = Math.min(endOf(proxy?.key), endOf(key));
  return { proxyId: proxy?.id, appId: id, app: document, keysEndAt };
}

/** The proxy whose key this is. @throws ServiceError caller_unauthenticated with the reason `proxy_unknown` */
export function findProxy(registry: Registry, clock: Clock, key: string): Caller<'proxy'> {
  const found = isCallerKey(key, 'spx_') ? registry.proxyByKeyHash(callerKeyHash(key)) : undefined;
  if (found === undefined || hasEnded(found.key, clock)) {
    throw new ServiceError('caller_unauthenticated', {
      reason: 'proxy_unknown',
      detail: 'The proxy key is not known.',
    });
  }
  return found;
}

function findApp(registry: Registry, clock: Clock, key: string): Caller<'app'> {
  const found = isCallerKey(key, 'spk_') ? registry.appByKeyHash(callerKeyHash(key)) : undefined;
  if (found === undefined || hasEnded(found.key, clock)) throw appUnknown();
  return found;
}

function anonymous(registry: Registry) {
  const document = registry.app(anonymousApp);
  if (document === undefined) throw appUnknown();
  return { id: anonymousApp, key: undefined, document };
}

function appUnknown(): ServiceError {
  return new ServiceError('caller_unauthenticated', {
    reason: 'app_unknown',
    detail: 'No app key was sent, or it is not known.',
  });
}

/** True for a key that opens nothing any more. */
export function hasEnded(key: CallerKey, clock: Clock): boolean {
  // A date that does not parse is NaN and so counts as ended.
  return !(endOf(key) > clock.now());
}

function endOf(key: CallerKey | undefined): number {
  return key?.expiresAt === undefined ? Infinity : Date.parse(key.expiresAt);
}
