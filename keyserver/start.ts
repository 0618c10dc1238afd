import type { Logger } from 'pino';
import { systemClock } from '../shared/clock.ts';
import { certificateGauge } from '../shared/listen/certificate-gauge.ts';
import { type Listeners, openListeners } from '../shared/listen/listeners.ts';
import { TlsListener } from '../shared/listen/tls-listener.ts';
import { Metrics } from '../shared/metrics/metrics.ts';
import type { Primary } from '../shared/process/primary.ts';
import type { Program, Running } from '../shared/process/run.ts';
import { Drain } from '../shared/process/shutdown.ts';
import { sumsOfWorkers } from '../shared/process/worker-metrics.ts';
import { ConfigError } from '../shared/settings/config.ts';
import { ExpiryWatch } from '../shared/tls/expiry-watch.ts';
import { buildKeyserver } from './app.ts';
import { ChangePoll } from './changes/poll.ts';
import type { KeyserverConfig } from './config.ts';
import { unwrapGauge } from './exchange/gauges.ts';
import { NonceMemory } from './exchange/nonce-memory.ts';
import { answerNonces, askForNonces } from './exchange/nonce-sharing.ts';
import { Nonces } from './exchange/nonces.ts';
import { Sessions } from './exchange/sessions.ts';
import { generateKeyring, generateRsaKey, isKeyFolderEmpty } from './keys/generate.ts';
import { loadKeyring } from './keys/keyring.ts';
import { legacyKeyOf } from './keys/legacy-key.ts';
import { loadRsaKeys } from './keys/rsa-keys.ts';
import { readKeyserverSettings } from './read-settings.ts';
import { registryGauges } from './registry/gauges.ts';
import { Registry } from './registry/registry.ts';
import { openDatabase, readDatabaseCa } from './storage/database.ts';
import type { Store } from './store/store.ts';
import { StoreError } from './store/store-error.ts';

/** KeyServer, for `runService`: its processes share the listeners and the used nonces. */
export const keyserverProgram: Program<KeyserverConfig> = {
  name: 'keyserver',
  readSettings: readKeyserverSettings,
  prepare: prepareKeyserver,
  start: startKeyserver,
  keep: () => answerNonces(new NonceMemory(systemClock)),
};

async function prepareKeyserver(config: KeyserverConfig, logger: Logger): Promise<void> {
  if (!config.GENERATE_KEYS) return;
  const store = openDatabase(config);
  try {
    await generateMissingKeys(config, store, logger);
  } finally {
    await store.close();
  }
}

async function startKeyserver(
  config: KeyserverConfig,
  logger: Logger,
  primary?: Primary,
): Promise<Running> {
  const store = openDatabase(config);
  try {
    return await startOver(store, primary, config, logger);
  } catch (error) {
    // Open connections would keep the process alive.
    await store.close();
    throw error;
  }
}

function noncesOf(primary: Primary | undefined): Nonces {
  const ofTickets = new NonceMemory(systemClock, undefined, 'forget');
  if (primary !== undefined) return new Nonces(askForNonces(primary), ofTickets);
  const memory = new NonceMemory(systemClock);
  return new Nonces((requester, nonce) => memory.take(requester, nonce), ofTickets);
}

async function startOver(
  store: Store,
  primary: Primary | undefined,
  config: KeyserverConfig,
  logger: Logger,
): Promise<Running> {
  const metrics = new Metrics(
    'keyserver',
    primary && ((registry) => sumsOfWorkers(registry, primary)),
  );
  const tls = TlsListener.open(config, logger);
  const databaseCa = readDatabaseCa(config);
  const expiry = new ExpiryWatch(
    () => [...(tls?.certificates ?? []), { name: 'DB_TLS_CA', pem: databaseCa ?? '' }],
    systemClock,
    logger,
  );
  const keyring = loadKeyring(config.KEYRING_DIR);
  const rsaKeys = await loadRsaKeys(config.RSA_KEY_DIR);
  const registry = new Registry(store, keyring, logger, systemClock);
  const link = new ChangePoll(store, registry, logger, { migrate: config.DB_MIGRATE === 'on' });
  metrics.gauge(certificateGauge(expiry));
  const sessions = new Sessions(rsaKeys, keyring, systemClock);
  metrics.gauge(unwrapGauge(sessions));
  for (const gauge of registryGauges(registry, systemClock)) metrics.gauge(gauge);
  const drain = new Drain();
  const readiness = () => drain.over(link.readiness());
  const app = await buildKeyserver(config, {
    logger,
    store,
    keyring,
    rsaKeys,
    registry,
    sessions,
    nonces: noncesOf(primary),
    clock: systemClock,
    legacyKey: config.UNSAFE_LEGACY_ROWS ? legacyKeyOf(config) : undefined,
    readiness,
    metrics,
    https: tls?.options,
  });
  await link.start();
  let listeners: Listeners;
  try {
    listeners = await openListeners({
      name: 'keyserver',
      app,
      tls,
      readiness,
      metrics,
      logger,
    });
  } catch (error) {
    await link.stop();
    throw error;
  }
  expiry.start();
  return {
    app,
    logger,
    drain,
    close: async () => {
      expiry.stop();
      await link.stop();
      await store.close();
      await listeners.closeOps();
    },
  };
}

/**
 * Generates missing keys. A new keyring for a database with rows would hide the loss of their keyring.
 * @throws ConfigError if the database has rows but no keyring
 */
async function generateMissingKeys(
  config: KeyserverConfig,
  store: Store,
  logger: Logger,
): Promise<void> {
  const now = new Date();
  if (isKeyFolderEmpty(config.KEYRING_DIR)) {
    if (await databaseHasRows(config, store)) {
      throw new ConfigError([
        `${config.KEYRING_DIR} has no keys, but the database has rows: restore the keyring that sealed them`,
      ]);
    }
    generateKeyring(config.KEYRING_DIR, now);
    logger.info({ folder: config.KEYRING_DIR }, 'keyring made');
  }
  if (isKeyFolderEmpty(config.RSA_KEY_DIR)) {
    await generateRsaKey(config.RSA_KEY_DIR, now);
    logger.info({ folder: config.RSA_KEY_DIR }, 'RSA key made');
  }
}

async function databaseHasRows(config: KeyserverConfig, store: Store): Promise<boolean> {
  try {
    if (config.DB_MIGRATE === 'on') await store.migrate();
    return await store.hasRows();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new ConfigError([
      `GENERATE_KEYS needs the database, to check that it has no rows yet: ${error.message}`,
    ]);
  }
}
