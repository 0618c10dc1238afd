import type { Logger } from 'pino';
import { isCallerKey } from '../../shared/crypto/caller-key.ts';
import { ConfigError, readSecretFile } from '../../shared/settings/config.ts';
import { ReloadedFiles } from '../../shared/settings/reloaded-files.ts';

/** @throws ConfigError if it is not a proxy key */
export function checkProxyKey(key: string): void {
  if (!key.startsWith('spx_')) throw new ConfigError(['PROXY_KEY must be a key that begins spx_']);
  if (!isCallerKey(key, 'spx_')) {
    throw new ConfigError(['PROXY_KEY is mistyped or cut short: its checksum does not match']);
  }
}

/** The key in `PROXY_KEY_FILE`, reloaded when the file changes. @throws ConfigError */
export function reloadedProxyKey(file: string, log: Logger): ReloadedFiles<string> {
  return new ReloadedFiles(
    {
      read: () => readSecretFile('PROXY_KEY', file),
      check: checkProxyKey,
      isSame: (one, other) => one === other,
      describe: () => ({}),
      messages: {
        loaded: 'PROXY_KEY_FILE changed: loaded',
        restored: 'PROXY_KEY_FILE is as before again',
        unusable: 'PROXY_KEY_FILE cannot be used: the key loaded before stays',
      },
    },
    log,
  );
}
