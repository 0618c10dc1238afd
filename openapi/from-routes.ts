import { pino } from 'pino';
import { buildKeyserver } from '../keyserver/app.ts';
import { keyserverSettings } from '../keyserver/config.ts';
import { Nonces } from '../keyserver/exchange/nonces.ts';
import { Sessions } from '../keyserver/exchange/sessions.ts';
import { Keyring } from '../keyserver/keys/keyring.ts';
import { Registry } from '../keyserver/registry/registry.ts';
import { openSqliteStore } from '../keyserver/store/sqlite/sqlite.ts';
import { buildSecureproxy } from '../secureproxy/app.ts';
import { RetryBudget } from '../secureproxy/call/retries.ts';
import { RunningCalls } from '../secureproxy/call/running-calls.ts';
import { SentSecrets } from '../secureproxy/call/sent-secrets.ts';
import { secureproxySettings } from '../secureproxy/config.ts';
import { createOwnListeners } from '../secureproxy/guard/own-listeners.ts';
import { Limits } from '../secureproxy/limits/limits.ts';
import { LocalStore } from '../secureproxy/limits/local-store.ts';
import { KnownChanges } from '../secureproxy/releases/known-changes.ts';
import { ReleaseCache } from '../secureproxy/releases/release-cache.ts';
import { UpstreamPools } from '../secureproxy/upstream/pools.ts';
import { systemClock } from '../shared/clock.ts';
import { ServiceError } from '../shared/errors.ts';
import { completeDocument, type OpenApiDocument } from '../shared/http/openapi.ts';
import type { Service } from '../shared/http/service-type.ts';
import { Metrics } from '../shared/metrics/metrics.ts';
import { parseSettings } from '../shared/settings/config.ts';

const logger = pino({ enabled: false });
const clock = systemClock;
const readiness = () => ({ status: 'unready', checks: {} }) as const;

/** KeyServer's API document, made from its routes' schemas. */
export async function keyserverDocument(): Promise<OpenApiDocument> {
  const app = await buildInertKeyserver();
  return documentOf(app);
}

/** SecureProxy's API document, made from its routes' schemas. */
export async function secureproxyDocument(): Promise<OpenApiDocument> {
  const app = await buildInertSecureproxy();
  return documentOf(app);
}

/** Builds KeyServer's complete app without keys, rows or connections. */
export function buildInertKeyserver(): Promise<Service> {
  const { config } = parseSettings(keyserverSettings, { KEYRING_DIR: 'none', RSA_KEY_DIR: 'none' });
  const store = openSqliteStore({ file: ':memory:', tokenTable: 'storage', timeoutMs: 1000 });
  const keyring = new Keyring('none', new Map([['none', new Uint8Array(32)]]));
  const rsaKeys = { primary: { keyId: '', publicKeyPem: '' }, unwrapper: () => undefined };
  return buildKeyserver(config, {
    logger,
    metrics: new Metrics('keyserver'),
    readiness,
    assertServing: () => {},
    clock,
    store,
    keyring,
    rsaKeys,
    registry: new Registry(store, keyring, logger, clock),
    sessions: new Sessions(rsaKeys, keyring, clock),
    nonces: new Nonces(() => 'full', { take: () => 'full' }),
    legacyKey: undefined,
  });
}

/** Builds SecureProxy's complete app without a KeyServer or connections. */
export function buildInertSecureproxy(): Promise<Service> {
  const { config } = parseSettings(secureproxySettings, {
    PUBLIC_KEY_URL: 'http://localhost/public_key',
    TOKEN_REQUEST_URL: 'http://localhost/',
    PROXY_KEY: 'spx_none',
    DOCS: 'off',
  });
  const fail = () => Promise.reject(new ServiceError('keyserver_unavailable'));
  const client = { obtain: fail, explain: fail };
  return buildSecureproxy(config, {
    logger,
    metrics: new Metrics('secureproxy'),
    readiness,
    keyserver: client,
    callers: { known: () => undefined, ask: fail },
    releases: new ReleaseCache({
      client,
      known: new KnownChanges(clock),
      maxSeconds: 0,
      maxEntries: 1,
      onObtained: () => undefined,
      onRefreshed: () => undefined,
      isEnding: () => false,
      random: Math.random,
    }),
    pools: new UpstreamPools({
      ownListeners: createOwnListeners([]),
      connections: 1,
      connectTimeoutMs: 1,
      headersTimeoutMs: 1,
      bodyTimeoutMs: 1,
      ca: undefined,
      lookup: fail,
    }),
    limits: new Limits({ store: new LocalStore(clock, () => 1), clock }),
    retryBudget: new RetryBudget(),
    running: new RunningCalls(),
    sentSecrets: new SentSecrets(clock, () => undefined),
    totalTimeoutMs: 1,
  });
}

async function documentOf(app: Service): Promise<OpenApiDocument> {
  await app.ready();
  // Through JSON, so that the compared document is exactly the written one.
  const document: OpenApiDocument = JSON.parse(JSON.stringify(app.swagger()));
  await app.close();
  return completeDocument(document);
}
