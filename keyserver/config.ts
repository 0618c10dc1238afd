import { listenerFaults, listenerSettings } from '../shared/listen/listener-settings.ts';
import { type Static, Type } from '../shared/schema/type.ts';
import { storageFaults, storageSettings } from './storage/settings.ts';

export const keyserverSettings = Type.Object({
  ...listenerSettings(5001),
  ...storageSettings,
  DB_MIGRATE: Type.Enum(['on', 'off'], {
    default: 'on',
    description: 'Whether to run migrations at start',
  }),
  RSA_KEY_DIR: Type.String({
    minLength: 1,
    description: 'Folder of the RSA keys: <name>.pem files, and a file `primary` that names one',
  }),
  GENERATE_KEYS: Type.Boolean({
    default: false,
    description:
      'Generate missing keys at start; a keyring only if none sealed a row of the database',
  }),
});
export type KeyserverConfig = Static<typeof keyserverSettings>;

/** Returns the faults of combinations; `faulty` has the names of the settings with a fault of their own. */
export function keyserverFaults(
  config: Partial<KeyserverConfig>,
  faulty: ReadonlySet<string> = new Set(),
): string[] {
  return [...storageFaults(config), ...listenerFaults(config, faulty)];
}
