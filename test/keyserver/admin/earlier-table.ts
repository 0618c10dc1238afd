import { join } from 'node:path';
import type { Test } from 'tap';
import { openSecret } from '../../../keyserver/at-rest/secret.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import type { Environment } from '../../../shared/settings/config.ts';
import { rawConnection, scratchDatabase } from '../../support/database.ts';
import { legacyFiles, legacyRow, newLegacyKey } from '../../support/legacy-rows.ts';
import { mysqlSettings } from '../../support/pair-state.ts';
import { Installation, wildberries } from './installation.ts';

export interface EarlierTableOptions {
  readonly place: 'mysql' | 'sqlite';
  readonly rows: number;
  /** Type of the column `client_id`. */
  readonly clientType: string;
  /** Default: {@link wildberries}. */
  readonly typePut?: readonly string[];
}

/** A token of the table, as it was made. */
interface Made {
  readonly secret: string;
  readonly row: string;
}

/** A table of the earlier system with a token for each client, and a tool that has its key. */
export interface EarlierTable {
  readonly admin: Installation;
  readonly environment: Environment & { readonly KEYRING_DIR: string };
  /** By client. */
  readonly made: ReadonlyMap<string, Made>;
  /** The first column of the first row; undefined if the statement fails, or finds none. */
  ask(sql: string): Promise<unknown>;
  /** Compares every row with the one that was made; returns how many are sealed. @throws Error naming the first that differs */
  compareAll(): Promise<number>;
}

const rowsAtOnce = 1000;

export async function earlierTable(t: Test, options: EarlierTableOptions): Promise<EarlierTable> {
  const admin = new Installation(t);
  const key = newLegacyKey();
  const made = new Map<string, Made>();
  for (let i = 0; i < options.rows; i += 1) {
    const secret = `made-up-${i * 7}`;
    made.set(String(100_000 + i * 3), { secret, row: legacyRow(secret, key) });
  }
  const { sql, settings } = await databaseOf(t, admin, options.place);
  const environment = {
    ...{ KEYRING_DIR: join(admin.folder, 'keyring'), ...settings },
    ...legacyFiles(join(admin.folder, 'legacy'), key),
  };
  await sql(
    `CREATE TABLE storage (client_id ${options.clientType} NOT NULL, token_type VARCHAR(50) NOT NULL, token TEXT, PRIMARY KEY (client_id, token_type))`,
  );
  const values = [...made].map(([client, { row }]) => `('${client}', 'wildberries', '${row}')`);
  for (let from = 0; from < values.length; from += rowsAtOnce) {
    await sql(`INSERT INTO storage VALUES ${values.slice(from, from + rowsAtOnce).join(', ')}`);
  }
  for (const argv of [['migrate'], options.typePut ?? wildberries]) {
    await admin.json(argv, { environment });
  }
  const keyring = loadKeyring(environment.KEYRING_DIR);
  const copies = async () => {
    try {
      return await sql('SELECT client_id, token FROM storage_before_takeover');
    } catch {
      return [];
    }
  };
  return {
    admin,
    environment,
    made,
    async ask(statement) {
      try {
        return Object.values((await sql(statement))[0] ?? {})[0];
      } catch {
        return undefined;
      }
    },
    async compareAll() {
      const rows = await sql('SELECT client_id, token_type, token FROM storage');
      const copied = new Map((await copies()).map((row) => [String(row.client_id), row.token]));
      let sealed = 0;
      for (const { client_id, token_type, token } of rows) {
        const clientId = String(client_id);
        const { secret, row } = made.get(clientId) ?? {};
        if (token === row) continue;
        const stored = { clientId, tokenType: String(token_type), token: String(token) };
        const { fields } = openSecret(keyring, stored);
        if (fields.token !== secret) throw new Error(`${clientId} has another secret`);
        if (String(copied.get(clientId)) !== row) throw new Error(`${clientId} has no copy`);
        sealed += 1;
      }
      if (rows.length !== made.size) throw new Error(`${rows.length} rows of ${made.size}`);
      return sealed;
    },
  };
}

async function databaseOf(t: Test, admin: Installation, place: 'mysql' | 'sqlite') {
  if (place === 'sqlite') {
    return {
      sql: async (statement: string) => admin.rows(statement),
      settings: { DB_FILE: join(admin.folder, 'rows.db') },
    };
  }
  const options = await scratchDatabase(t);
  const connection = await rawConnection(t, options);
  return {
    sql: async (statement: string): Promise<readonly Record<string, unknown>[]> => {
      const rows = await connection.query(statement);
      // Binary columns are bytes.
      return Array.isArray(rows)
        ? rows.map((row) =>
            Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)])),
          )
        : [];
    },
    settings: { DB_FILE: '', ...mysqlSettings(options) },
  };
}

const textOf = (value: unknown) => (value instanceof Uint8Array ? String(value) : value);
