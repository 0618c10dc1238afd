import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const upSuffix = '.up.sql';
const guard = '-- @if token_table_created';

export interface MigrationStatement {
  readonly sql: string;
  /** True for a statement to run only if this migration created the token table. */
  readonly ifTokenTableCreated: boolean;
}

/** The numbered up and down migrations of one SQL dialect, with the token table's name filled in. */
export class MigrationFiles {
  readonly #folder: string;
  readonly #tokenTable: string;

  /** `tokenTable` replaces `{token_table}`; it must be checked and quoted. */
  constructor(dialect: 'mysql' | 'sqlite', tokenTable: string) {
    this.#folder = join(import.meta.dirname, dialect);
    this.#tokenTable = tokenTable;
  }

  /** Names in the order to apply them: `0001_initial`. */
  async names(): Promise<string[]> {
    const files = await readdir(this.#folder);
    return files
      .filter((file) => file.endsWith(upSuffix))
      .map((file) => file.slice(0, -upSuffix.length))
      .sort();
  }

  bootstrap(): Promise<MigrationStatement[]> {
    return this.#read('bootstrap.sql');
  }

  up(name: string): Promise<MigrationStatement[]> {
    return this.#read(name + upSuffix);
  }

  down(name: string): Promise<MigrationStatement[]> {
    return this.#read(`${name}.down.sql`);
  }

  async #read(file: string): Promise<MigrationStatement[]> {
    const content = await readFile(join(this.#folder, file), 'utf8');
    return content
      .replaceAll('{token_table}', this.#tokenTable)
      .split(/;[ \t]*\n/)
      .map(parseStatement)
      .filter(({ sql }) => sql !== '');
  }
}

function parseStatement(chunk: string): MigrationStatement {
  const lines = chunk.split('\n');
  return {
    sql: lines
      .filter((line) => !line.startsWith('--'))
      .join('\n')
      .trim(),
    ifTokenTableCreated: lines.includes(guard),
  };
}
