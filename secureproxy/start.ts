import { getCACertificates } from 'node:tls';
import type { Logger } from 'pino';
import { type Clock, systemClock } from '../shared/clock.ts';
import { certificateGauge } from '../shared/listen/certificate-gauge.ts';
import { type Listeners, openListeners } from '../shared/listen/listeners.ts';
import { TlsListener } from '../shared/listen/tls-listener.ts';
import { Metrics } from '../shared/metrics/metrics.ts';
import type { Primary } from '../shared/process/primary.ts';
import type { Program } from '../shared/process/run.ts';
import { Drain } from '../shared/process/shutdown.ts';
import { sumsOfWorkers } from '../shared/process/worker-metrics.ts';
import { ExpiryWatch } from '../shared/tls/expiry-watch.ts';
import { ReloadedTls } from '../shared/tls/reload.ts';
import { buildSecureproxy } from './app.ts';
import { RetryBudget } from './call/retries.ts';
import { RunningCalls } from './call/running-calls.ts';
import { SentSecrets } from './call/sent-secrets.ts';
import { Callers } from './callers/callers.ts';
import {
  keyserverTlsFiles,
  publicKeyPins,
  readUpstreamCa,
  type SecureproxyConfig,
  upstreamLookup,
} from './config.ts';
import { diagnose } from './doctor/diagnose.ts';
import { report } from './doctor/report.ts';
import { type Lookup, maxSystemLookups, systemLookup } from './guard/lookup.ts';
import { createOwnListeners } from './guard/own-listeners.ts';
import { sharedLookup } from './guard/shared-lookup.ts';
import { KeyserverClient } from './keyserver-client/client.ts';
import { KeyserverHttp, type RetryTimer } from './keyserver-client/http.ts';
import { KeyserverLink } from './keyserver-client/link.ts';
import { reloadedProxyKey } from './keyserver-client/proxy-key.ts';
import { sharedLimits } from './limits/shared-limits.ts';
import { installationOf, outgoingCertificates, readSecureproxySettings } from './read-settings.ts';
import { ChangeFeed } from './releases/change-feed.ts';
import { KnownChanges } from './releases/known-changes.ts';
import { ReleaseCache } from './releases/release-cache.ts';
import { UpstreamPools } from './upstream/pools.ts';

/** SecureProxy, for `runService`; its processes share only the listeners. */
export const secureproxyProgram: Program<SecureproxyConfig> = {
  name: 'secureproxy',
  readSettings: readSecureproxySettings,
  doctor: async (environment, json) =>
    report(await diagnose(() => installationOf(environment)), json),
  start: async (config, logger, primary) => {
    const secureproxy = await wireSecureproxy(config, { logger, primary });
    await secureproxy.start();
    return secureproxy;
  },
};

export interface SecureproxySurroundings {
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Resolves names unless `UPSTREAM_DNS_SERVERS` does; default: the system's resolver. */
  readonly lookup?: Lookup;
  /** Answers for releases and callers; default: KeyServer. */
  readonly authority?: Pick<KeyserverClient, 'obtain' | 'whoami'>;
  /** If this is one of several processes. */
  readonly primary?: Primary | undefined;
  /** Of questions to KeyServer; default: the system's. */
  readonly retryTimer?: RetryTimer | undefined;
}

/**
 * Makes SecureProxy's parts as the settings say. `start` listens and asks KeyServer for changes; `listen` only listens.
 * `close` ends all that the app does not own.
 * @throws ConfigError
 */
export async function wireSecureproxy(
  config: SecureproxyConfig,
  {
    logger,
    clock = systemClock,
    lookup = systemLookup,
    authority,
    primary,
    retryTimer,
  }: SecureproxySurroundings,
) {
  const metrics = new Metrics(
    'secureproxy',
    primary && ((registry) => sumsOfWorkers(registry, primary)),
  );
  const publicKeyUrl = new URL(config.PUBLIC_KEY_URL);
  const tokenRequestUrl = new URL(config.TOKEN_REQUEST_URL);
  const tls = TlsListener.open(config, logger);
  const { PROXY_KEY_FILE } = config;
  const proxyKey =
    PROXY_KEY_FILE === undefined ? undefined : reloadedProxyKey(PROXY_KEY_FILE, logger);
  const keyserverFiles = keyserverTlsFiles(config);
  // Without files: public CAs, and no client certificate.
  const tlsToKeyserver =
    (keyserverFiles.cert ?? keyserverFiles.ca)
      ? new ReloadedTls(keyserverFiles, logger)
      : undefined;
  const http = new KeyserverHttp({
    tls: tlsToKeyserver,
    connections: config.KEYSERVER_CONNECTIONS,
    timeoutMs: config.KEYSERVER_TIMEOUT_MS,
    timer: retryTimer,
  });
  const upstreamCa = readUpstreamCa(config);
  const expiry = new ExpiryWatch(
    () => [
      ...(tls?.certificates ?? []),
      ...outgoingCertificates(tlsToKeyserver?.current, upstreamCa),
      ...(http.shownCertificate ? [http.shownCertificate] : []),
    ],
    clock,
    logger,
  );
  const client = new KeyserverClient({
    http,
    publicKeyUrl,
    tokenRequestUrl,
    clock,
    log: logger,
    proxyKey: () => proxyKey?.current ?? config.PROXY_KEY,
    pins: publicKeyPins(config),
  });
  const known = new KnownChanges(clock);
  const maxEntries = config.TOKEN_CACHE_MAX;
  const callers = new Callers({
    client: authority ?? client,
    known,
    clock,
    log: logger,
    maxEntries,
  });
  const drain = new Drain();
  const releases = new ReleaseCache({
    client: authority ?? client,
    known,
    maxSeconds: config.TOKEN_CACHE_SECONDS,
    maxEntries,
    onObtained: (...obtained) => callers.learn(...obtained),
    onRefreshed: metrics.counter(
      'refreshes_total',
      'Releases in use that were asked for again before they lapse: renewed, refused, or failed without an answer',
      'outcome',
    ),
    isEnding: () => drain.hasBegun,
    random: Math.random,
  });
  const { UPSTREAM_CONNECT_TIMEOUT_MS: connectTimeoutMs } = config;
  const systemNames = sharedLookup(lookup, {
    timeoutMs: connectTimeoutMs,
    maxConcurrent: maxSystemLookups,
  });
  const nameServers = upstreamLookup(config);
  const ownListeners = createOwnListeners([publicKeyUrl, tokenRequestUrl], systemNames);
  const pools = new UpstreamPools({
    ownListeners,
    connections: config.UPSTREAM_CONNECTIONS,
    connectTimeoutMs,
    headersTimeoutMs: config.UPSTREAM_HEADERS_TIMEOUT_MS,
    bodyTimeoutMs: config.UPSTREAM_BODY_TIMEOUT_MS,
    ca: upstreamCa === undefined ? undefined : [...getCACertificates('default'), upstreamCa],
    lookup: nameServers ? sharedLookup(nameServers, { timeoutMs: connectTimeoutMs }) : systemNames,
  });
  const { acceptance } = client;
  const canServe = () => releases.canServe;
  const link = new KeyserverLink({ acceptance, canServe, clock, log: logger });
  const { limits, ...counting } = sharedLimits({
    redisUrl: config.REDIS_URL,
    processes: config.REPLICAS * config.WORKERS,
    clock,
    log: logger,
  });
  const running = new RunningCalls();
  const countSentSecrets = metrics.counter(
    'secrets_sent_total',
    'Calls that contained the secret their answer repeated; at most one per app and hour is counted',
    'app',
  );
  const feed = new ChangeFeed({
    client,
    known,
    clock,
    log: logger,
    onProcesses: counting.tell,
    onAsked: () => void running.check(),
  });
  metrics.gauge(certificateGauge(expiry));
  metrics.gauge({
    name: 'changes_age_seconds',
    help: 'Time since KeyServer looked for the changes that this proxy knows; from 5 on, releases are no longer cached',
    aggregator: 'max',
    read: () => known.ageMs / 1000,
  });
  const readiness = () => drain.over(link.readiness());
  const app = await buildSecureproxy(config, {
    logger,
    keyserver: client,
    callers,
    releases,
    pools,
    limits,
    retryBudget: new RetryBudget(),
    running,
    sentSecrets: new SentSecrets(clock, countSentSecrets),
    totalTimeoutMs: config.UPSTREAM_TOTAL_TIMEOUT_MS,
    readiness,
    metrics,
    https: tls?.options,
  });
  let listeners: Listeners | undefined;
  const listen = async () => {
    await counting.start();
    listeners = await openListeners({ name: 'secureproxy', app, tls, readiness, metrics, logger });
    for (const port of listeners.ports) ownListeners.add(port);
  };
  // The feed without a cache, too: it shows whether KeyServer accepts this proxy.
  const background = [link, feed, tlsToKeyserver, proxyKey, expiry];
  return {
    app,
    logger,
    drain,
    client,
    known,
    feed,
    link,
    releases,
    pools,
    running,
    listen,
    start: async () => {
      await listen();
      for (const part of background) part?.start();
      proxyKey?.use(() => feed.wake());
    },
    close: async () => {
      for (const part of background) part?.stop();
      await Promise.all([pools.close(), http.close(), counting.stop()]);
      await listeners?.closeOps();
    },
  };
}
