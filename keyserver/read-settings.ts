import { listenerTlsFiles } from '../shared/listen/listener-settings.ts';
import { type Environment, parseSettings, type Settings } from '../shared/settings/config.ts';
import { faultsOf, ofSetting } from '../shared/settings/faults.ts';
import { examineTlsFiles } from '../shared/tls/files.ts';
import { type KeyserverConfig, keyserverFaults, keyserverSettings } from './config.ts';
import { isKeyFolderEmpty } from './keys/generate.ts';
import { loadKeyring } from './keys/keyring.ts';
import { legacyKeyOf } from './keys/legacy-key.ts';
import { readRsaKeys } from './keys/rsa-keys.ts';
import { databaseFaults } from './storage/database.ts';

/**
 * Reads KeyServer's settings and checks the files that they name.
 * @throws ConfigError naming every fault at once
 */
export function readKeyserverSettings(environment: Environment): Settings<KeyserverConfig> {
  const { config, warnings } = parseSettings(keyserverSettings, environment, (config, faulty) => [
    ...keyserverFaults(config, faulty),
    ...examineTlsFiles(listenerTlsFiles(config)).faults,
    ...databaseFaults(config),
    ...keyFileFaults(config),
  ]);
  const unsafe = config.UNSAFE_LEGACY_ROWS
    ? ['UNSAFE_LEGACY_ROWS is set: rows of the earlier system are served without authentication']
    : [];
  return { config, warnings: [...warnings, ...unsafe] };
}

function keyFileFaults(config: Partial<KeyserverConfig>): string[] {
  // A faulty GENERATE_KEYS may have meant to make the keys.
  const mayBeEmpty = config.GENERATE_KEYS !== false;
  const folderFaults = (
    setting: 'KEYRING_DIR' | 'RSA_KEY_DIR',
    load: (folder: string) => unknown,
  ) =>
    faultsOf(() =>
      ofSetting(setting, () => {
        const folder = config[setting];
        if (folder === undefined || (mayBeEmpty && isKeyFolderEmpty(folder))) return;
        load(folder);
      }),
    );
  return [
    ...folderFaults('KEYRING_DIR', loadKeyring),
    ...folderFaults('RSA_KEY_DIR', readRsaKeys),
    ...(config.UNSAFE_LEGACY_ROWS ? faultsOf(() => legacyKeyOf(config)) : []),
  ];
}
