import type { Clock } from '../../shared/clock.ts';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import { faultsOf, loadAll, ofSetting } from '../../shared/settings/faults.ts';
import { type Keyring, loadKeyring } from '../keys/keyring.ts';
import { legacyKeyOf } from '../keys/legacy-key.ts';
import type { StorageConfig } from '../storage/settings.ts';
import type { Store } from '../store/store.ts';

export interface ReadContext {
  readonly store: Store;
  /** Undefined: nothing is verified, so that whoever can write to the database can have made all of it. */
  readonly keyring: Keyring | undefined;
  /** The earlier system's key, if its files are set. */
  readonly legacyKey?: LegacyKey | undefined;
  readonly clock: Clock;
}

export interface OperationContext extends ReadContext {
  readonly keyring: Keyring;
  /** Whether KeyServer serves those rows, as far as these settings say (`UNSAFE_LEGACY_ROWS`). */
  readonly servesLegacyRows?: boolean | undefined;
  /** Runs before something is sealed with the primary key and stored. @throws OperationError not_confirmed */
  readonly beforeSealing?: (() => Promise<void>) | undefined;
}

/** Loads the keys of the data at rest. @throws ConfigError naming every fault at once */
export function loadKeys(
  config: StorageConfig,
): Pick<OperationContext, 'keyring' | 'legacyKey' | 'servesLegacyRows'> {
  const [keyring, legacyKey] = loadAll([
    () => keyringOf(config.KEYRING_DIR),
    () => legacyKeyOf(config),
  ]);
  return { keyring, legacyKey, servesLegacyRows: config.UNSAFE_LEGACY_ROWS };
}

function keyringOf(folder: string): Keyring {
  return ofSetting('KEYRING_DIR', () => loadKeyring(folder));
}

/** The faults that {@link loadKeys} would find, as far as the settings name files. */
export function keyFaults(config: Partial<StorageConfig>): string[] {
  const { KEYRING_DIR } = config;
  return [
    ...(KEYRING_DIR === undefined ? [] : faultsOf(() => keyringOf(KEYRING_DIR))),
    ...faultsOf(() => legacyKeyOf(config)),
  ];
}

/** Milliseconds since 1970 as ISO 8601 in UTC. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
