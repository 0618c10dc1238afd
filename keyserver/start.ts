import type { Logger } from 'pino';
import { type Clock, systemClock } from '../shared/clock.ts';
import { certificateGauge } from '../shared/listen/certificate-gauge.ts';
import { type Listeners, openListeners } from '../shared/listen/listeners.ts';
import { TlsListener } from '../shared/listen/tls-listener.ts';
import { Metrics } from '../shared/metrics/metrics.ts';
import type { Primary } from '../shared/process/primary.ts';
import type { Program, Running } from '../shared/process/run.ts';
import { Drain } from '../shared/process/shutdown.ts';
import { sumsOfWorkers } from '../shared/process/worker-metrics.ts';
import { ExpiryWatch } from '../shared/tls/expiry-watch.ts';
import { buildKeyserver } from './app.ts';
import { ChangePoll } from './changes/poll.ts';
import type { KeyserverConfig } from './config.ts';
import { unwrapGauge } from './exchange/gauges.ts';
import { NonceMemory } from './exchange/nonce-memory.ts';
import { answerNonces, askForNonces } from './exchange/nonce-sharing.ts';
import { Nonces } from './exchange/nonces.ts';
import { Sessions } from './exchange/sessions.ts';
import { hasDailyTurn, withDailyTurn } from './expiry/daily-turn.ts';
import { ExpiringTokens } from './expiry/expiring-tokens.ts';
import { legacyKeyOf } from './keys/legacy-key.ts';
import { missingKeyReport } from './keys/missing-keys.ts';
import { LoadedRsaKeys } from './keys/rsa-keys.ts';
import { watchKeyring, watchRsaKeys } from './keys/watched-keys.ts';
import { readKeyserverSettings } from './read-settings.ts';
import { registryGauges } from './registry/gauges.ts';
import { Registry } from './registry/registry.ts';
import { Heartbeat } from './replicas/heartbeat.ts';
import { instanceId, withInstance } from './replicas/instance.ts';
import { StartCheck } from './replicas/start-check.ts';
import { openDatabase, readDatabaseCa } from './storage/database.ts';
import { generateMissingKeys } from './storage/missing-keys.ts';
import type { Store } from './store/store.ts';

/** KeyServer, for `runService`: its processes share the listeners and the used nonces. */
export const keyserverProgram: Program<KeyserverConfig> = {
  name: 'keyserver',
  readSettings: readKeyserverSettings,
  prepare: generateMissingKeys,
  start: startKeyserver,
  keep: () => withDailyTurn(withInstance(answerNonces(new NonceMemory(systemClock))), systemClock),
};

async function startKeyserver(
  config: KeyserverConfig,
  logger: Logger,
  primary?: Primary,
): Promise<Running> {
  const store = await openDatabase(config);
  try {
    const keyserver = await wireKeyserver(config, { store, logger, primary });
    await keyserver.start();
    return {
      ...keyserver,
      close: async () => {
        await keyserver.close();
        await store.close();
      },
    };
  } catch (error) {
    // Open connections would keep the process alive.
    await store.close();
    throw error;
  }
}

interface KeyserverSurroundings {
  /** The caller closes it. */
  readonly store: Store;
  readonly logger: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Tells how old the documents in memory are; default: `clock`. */
  readonly registryClock?: Pick<Clock, 'monotonic'>;
  /** Maximum number of nonces that are remembered of one requester, for 120 s. */
  readonly maxNonces?: number | undefined;
  /** If this is one of several processes. */
  readonly primary?: Primary | undefined;
}

/**
 * Makes KeyServer's parts as the settings say. `start` polls the database and listens; to do one of these alone, call
 * `poll.start` or `listen`. `close` ends all that the app does not own.
 * @throws ConfigError
 */
export async function wireKeyserver(
  config: KeyserverConfig,
  { store, logger, primary, maxNonces, ...clocks }: KeyserverSurroundings,
) {
  const { clock = systemClock, registryClock = clock } = clocks;
  const metrics = new Metrics(
    'keyserver',
    primary && ((registry) => sumsOfWorkers(registry, primary)),
  );
  const tls = TlsListener.open(config, logger);
  const databaseCa = readDatabaseCa(config);
  const expiry = new ExpiryWatch(
    () => [...(tls?.certificates ?? []), { name: 'DB_TLS_CA', pem: databaseCa ?? '' }],
    clock,
    logger,
  );
  const keyringFiles = watchKeyring(config.KEYRING_DIR, logger);
  const rsaFiles = watchRsaKeys(config.RSA_KEY_DIR, logger);
  const keyring = keyringFiles.current;
  const rsaKeys = await LoadedRsaKeys.of(rsaFiles.current);
  keyring.whenMissing(missingKeyReport(logger, clock));
  const registry = new Registry(store, keyring, logger, registryClock, clock);
  const startCheck = new StartCheck({ store, keyring, log: logger });
  const heartbeat = new Heartbeat({
    store,
    keyring,
    rsaKeys,
    registry,
    keyUses: registry.keyUses,
    clock,
    log: logger,
    instance: await instanceId(primary),
    workers: primary ? config.WORKERS : 1,
    servesLegacyRows: config.UNSAFE_LEGACY_ROWS,
  });
  const expiringTokens = new ExpiringTokens({
    ...{ store, keyring, clock, log: logger },
    hasTurn: () => hasDailyTurn(primary),
  });
  keyringFiles.use((keys) => {
    keyring.take(keys);
    // A document that lacked its key opens now.
    registry.reread();
    startCheck.wake();
    heartbeat.wake();
  });
  rsaFiles.use((files) => void rsaKeys.take(files).then(() => heartbeat.wake()));
  const poll = new ChangePoll(store, registry, logger, { migrate: config.DB_MIGRATE === 'on' });
  metrics.gauge(certificateGauge(expiry));
  const sessions = new Sessions(rsaKeys, keyring, clock);
  metrics.gauge(unwrapGauge(sessions));
  for (const gauge of registryGauges(registry, clock)) metrics.gauge(gauge);
  const drain = new Drain();
  const readiness = () => drain.over(startCheck.over(poll.readiness()));
  const app = await buildKeyserver(config, {
    logger,
    store,
    keyring,
    rsaKeys,
    registry,
    sessions,
    nonces: noncesOf(primary, clock, maxNonces),
    clock,
    legacyKey: config.UNSAFE_LEGACY_ROWS ? legacyKeyOf(config) : undefined,
    readiness,
    assertServing: () => startCheck.assertPassed(),
    metrics,
    https: tls?.options,
  });
  let listeners: Listeners | undefined;
  const listen = async () => {
    listeners = await openListeners({ name: 'keyserver', app, tls, readiness, metrics, logger });
  };
  return {
    app,
    logger,
    drain,
    keyring,
    rsaKeys,
    keyringFiles,
    rsaFiles,
    heartbeat,
    startCheck,
    registry,
    sessions,
    poll,
    listen,
    start: async () => {
      await poll.start();
      await startCheck.start();
      try {
        await listen();
      } catch (error) {
        await startCheck.stop();
        await poll.stop();
        throw error;
      }
      expiry.start();
      keyringFiles.start();
      rsaFiles.start();
      // Others must not wait for the keys of a process that takes no calls.
      void startCheck.passed.then(() => heartbeat.start());
      void expiringTokens.start();
    },
    close: async () => {
      keyringFiles.stop();
      rsaFiles.stop();
      expiry.stop();
      await expiringTokens.stop();
      await startCheck.stop();
      await heartbeat.stop();
      await poll.stop();
      await listeners?.closeOps();
    },
  };
}

function noncesOf(primary: Primary | undefined, clock: Clock, max: number | undefined): Nonces {
  const ofTickets = new NonceMemory(clock, max, 'forget');
  if (primary !== undefined) return new Nonces(askForNonces(primary), ofTickets);
  const memory = new NonceMemory(clock, max);
  return new Nonces((requester, nonce) => memory.take(requester, nonce), ofTickets);
}
