import { type Static, Type } from '../../shared/schema/type.ts';

const Path = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

export const databaseSettings = {
  DB_HOST: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Host of a MySQL-protocol server; set this or DB_FILE',
    }),
  ),
  DB_PORT: Type.Integer({
    default: 3306,
    minimum: 1,
    maximum: 65535,
    description: 'Port of DB_HOST',
  }),
  DB_USER: Type.Optional(Type.String({ description: 'User name for DB_HOST' })),
  DB_PASSWORD: Type.Optional(Type.String({ writeOnly: true, description: 'Password for DB_HOST' })),
  DB_NAME: Type.Optional(Type.String({ description: 'Database name on DB_HOST' })),
  DB_TLS_CA: Path('PEM file of the CA that issued the certificate of DB_HOST; enables TLS'),
  DB_ALLOW_PUBLIC_KEY_RETRIEVAL: Type.Boolean({
    default: false,
    description:
      "Allow caching_sha2_password to fetch the server's RSA key, which it needs without TLS",
  }),
  DB_FILE: Path('Path of an embedded SQLite database; set this or DB_HOST'),
  DB_TOKEN_TABLE: Type.String({ default: 'storage', description: 'Name of the table of tokens' }),
  DB_TIMEOUT_MS: Type.Integer({
    default: 1500,
    minimum: 50,
    maximum: 60_000,
    description: 'Maximum wait for the database, milliseconds',
  }),
};

/** Settings that KeyServer and the operator's tool share: the database and the key files. */
export const storageSettings = {
  ...databaseSettings,
  KEYRING_DIR: Type.String({
    minLength: 1,
    description:
      'Folder of the at-rest keys: <kid>.key files of 32 bytes, and a file `primary` that names one',
  }),
  AES_KEY_FILE: Path("The earlier system's key.bin (32 bytes)"),
  AES_IV_FILE: Path("The earlier system's iv.bin (16 bytes)"),
  UNSAFE_LEGACY_ROWS: Type.Boolean({
    default: false,
    description: 'Serve rows of the earlier system, which have no authentication',
  }),
};

const databaseSchema = Type.Object(databaseSettings);
export type DatabaseConfig = Static<typeof databaseSchema>;

const storageSchema = Type.Object(storageSettings);
export type StorageConfig = Static<typeof storageSchema>;

export function storageFaults(config: Partial<StorageConfig>): string[] {
  const faults: string[] = [];
  const { DB_HOST, DB_FILE, DB_USER, DB_NAME } = config;
  if (DB_HOST === undefined && DB_FILE === undefined) {
    faults.push('DB_HOST (a MySQL-protocol server) or DB_FILE (an embedded database) must be set');
  }
  if (DB_HOST !== undefined && DB_FILE !== undefined) {
    faults.push('DB_HOST and DB_FILE are both set: keep one');
  }
  if (DB_HOST !== undefined && (DB_USER === undefined || DB_NAME === undefined)) {
    faults.push('DB_HOST needs DB_USER and DB_NAME');
  }
  if ((config.AES_KEY_FILE === undefined) !== (config.AES_IV_FILE === undefined)) {
    faults.push('AES_KEY_FILE and AES_IV_FILE must be set together');
  }
  if (config.UNSAFE_LEGACY_ROWS && config.AES_KEY_FILE === undefined) {
    faults.push('UNSAFE_LEGACY_ROWS needs AES_KEY_FILE and AES_IV_FILE');
  }
  return faults;
}
