import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, type TObject, Type } from '../../../shared/schema/type.ts';
import { type Environment, parseSettings, type Settings } from '../../../shared/settings/config.ts';
import { readEnvironment } from '../../../shared/settings/dot-env.ts';
import { settingNames } from '../../../shared/settings/setting-names.ts';
import { keyserverSettings } from '../../config.ts';
import {
  type DatabaseConfig,
  databaseSettings,
  type StorageConfig,
  storageFaults,
  storageSettings,
} from '../../storage/settings.ts';
import type { AdminIo } from './io.ts';

/** The embedded database and keyring of `npm start`, in the working directory. */
const defaultFile = '.data/keyserver.db';
const defaultKeyring = '.data/keyring';

export type AdminPlaces = ReturnType<typeof findPlaces>;

export type AdminSettings = Settings<StorageConfig> & AdminPlaces;

export type DatabaseSettings = Settings<DatabaseConfig> & AdminPlaces;

/** Returns the faults of the files that settings name. */
type FileFaults = (config: Partial<StorageConfig>) => readonly string[];

type Surroundings = Pick<AdminIo, 'environment' | 'folder'>;

/** Finds the settings, and judges none; a note tells if no database is set and that of `npm start` is used. */
export function findPlaces(io: Surroundings) {
  const given = readEnvironment(io.environment, io.folder);
  const file = join(io.folder, defaultFile);
  const isDefaultPlace = !given.DB_HOST && !given.DB_FILE && existsSync(file);
  const keyring = given.KEYRING_DIR || join(io.folder, defaultKeyring);
  const environment: Environment = isDefaultPlace
    ? { ...given, DB_FILE: file, KEYRING_DIR: keyring }
    : given;
  const placeNote = isDefaultPlace
    ? `using ${defaultFile}, since neither DB_HOST nor DB_FILE is set`
    : undefined;
  return { environment, placeNote };
}

/** Reads the settings of rows and keys. @throws ConfigError naming every fault at once */
export function readSettings(io: Surroundings, fileFaults?: FileFaults): AdminSettings {
  return parsed(Type.Object(storageSettings), io, fileFaults);
}

/** Reads the settings of the database alone. @throws ConfigError naming every fault at once */
export function readDatabaseSettings(io: Surroundings, fileFaults?: FileFaults): DatabaseSettings {
  return parsed(Type.Object(databaseSettings), io, fileFaults);
}

function parsed<T extends TObject>(
  schema: T,
  io: Surroundings,
  fileFaults: FileFaults = () => [],
): Settings<Static<T>> & AdminPlaces {
  const places = findPlaces(io);
  const faults = (config: Partial<StorageConfig>) => [
    ...storageFaults(config),
    ...fileFaults(config),
  ];
  // The tool runs with KeyServer's environment.
  const known = settingNames(keyserverSettings);
  return { ...parseSettings(schema, places.environment, faults, known), ...places };
}
