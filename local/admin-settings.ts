import { resolve } from 'node:path';
import type { Environment } from '../shared/settings/config.ts';
import { storagePlaces } from './state.ts';

/** The folder of `npm start`, relative to the project; keyserver-admin uses it by default, too. */
export const defaultFolder = '.data';

/** The settings that keyserver-admin needs for this folder, beyond those of the environment. */
export function adminSettings(folder: string, environment: Environment): Environment {
  const { DB_FILE, KEYRING_DIR } = storagePlaces(folder);
  // An empty DB_HOST does not hide one of `.env`, which is not read in production.
  if (environment.DB_HOST) return { NODE_ENV: 'production', DB_HOST: '', DB_FILE, KEYRING_DIR };
  const isDefault = folder === resolve(defaultFolder);
  if (isDefault && !environment.DB_FILE && !environment.KEYRING_DIR) return {};
  return { DB_FILE, KEYRING_DIR };
}

/** The shell's command that sets these settings; empty if there are none. */
export function exportCommand(settings: Environment): string {
  const words = Object.entries(settings).map(([name, value]) => `${name}='${value}'`);
  return words.length === 0 ? '' : `export ${words.join(' \\\n    ')}`;
}
