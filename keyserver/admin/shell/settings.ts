import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from '../../../shared/schema/type.ts';
import { type Environment, parseSettings, type Settings } from '../../../shared/settings/config.ts';
import { readEnvironment } from '../../../shared/settings/dot-env.ts';
import { settingNames } from '../../../shared/settings/setting-names.ts';
import { keyserverSettings } from '../../config.ts';
import { type StorageConfig, storageFaults, storageSettings } from '../../storage/settings.ts';
import type { AdminIo } from './io.ts';

/** The embedded database and keyring of `npm start`, in the working directory. */
const defaultFile = '.data/keyserver.db';
const defaultKeyring = '.data/keyring';

export interface AdminSettings extends Settings<StorageConfig> {
  readonly environment: Environment;
  /** Says so if no database is set and that of `npm start` is used. */
  readonly placeNote: string | undefined;
}

const storageSchema = Type.Object(storageSettings);

/** Returns the faults of the files that settings name. */
export type FileFaults = (config: Partial<StorageConfig>) => readonly string[];

/**
 * Reads the settings of rows and keys.
 * @throws ConfigError naming every fault at once
 */
export function readSettings(
  io: Pick<AdminIo, 'environment' | 'folder'>,
  fileFaults: FileFaults = () => [],
): AdminSettings {
  const given = readEnvironment(io.environment, io.folder);
  const file = join(io.folder, defaultFile);
  const isDefaultPlace = !given.DB_HOST && !given.DB_FILE && existsSync(file);
  const environment = isDefaultPlace
    ? {
        ...given,
        DB_FILE: file,
        KEYRING_DIR: given.KEYRING_DIR || join(io.folder, defaultKeyring),
      }
    : given;
  const settings = parseSettings(
    storageSchema,
    environment,
    (config) => [...storageFaults(config), ...fileFaults(config)],
    // The tool runs with KeyServer's environment.
    settingNames(keyserverSettings),
  );
  const placeNote = isDefaultPlace
    ? `using ${defaultFile}, since neither DB_HOST nor DB_FILE is set`
    : undefined;
  return { ...settings, environment, placeNote };
}
