import type { Clock } from '../../shared/clock.ts';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import type { StorageConfig } from '../config.ts';
import { type Keyring, loadKeyring } from '../keys/keyring.ts';
import { loadLegacyKey } from '../keys/legacy-key.ts';
import type { Store } from '../store/store.ts';

/** The database and keys that operations work on. */
export interface OperationContext {
  readonly store: Store;
  readonly keyring: Keyring;
  /** The earlier system's key, if its files are set. */
  readonly legacyKey?: LegacyKey | undefined;
  /** Whether KeyServer serves those rows, as far as these settings say (`UNSAFE_LEGACY_ROWS`). */
  readonly servesLegacyRows?: boolean | undefined;
  readonly clock: Clock;
}

/** Loads the keys of the data at rest. @throws ConfigError */
export function loadKeys({
  KEYRING_DIR,
  AES_KEY_FILE,
  AES_IV_FILE,
  UNSAFE_LEGACY_ROWS,
}: StorageConfig): Pick<OperationContext, 'keyring' | 'legacyKey' | 'servesLegacyRows'> {
  return {
    keyring: loadKeyring(KEYRING_DIR),
    servesLegacyRows: UNSAFE_LEGACY_ROWS,
    legacyKey:
      AES_KEY_FILE !== undefined && AES_IV_FILE !== undefined
        ? loadLegacyKey(AES_KEY_FILE, AES_IV_FILE)
        : undefined,
  };
}

/** Milliseconds since 1970 as ISO 8601 in UTC. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
