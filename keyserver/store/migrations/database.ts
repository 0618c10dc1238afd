import type { Result, Statement } from '../statements.ts';
import type { TableName } from '../table-name.ts';

/** What the runner needs of a database. */
export interface MigrationDatabase {
  readonly dialect: 'mysql' | 'sqlite';
  readonly tokenTable: TableName;
  /** SQL for the database's own clock, in unix seconds. */
  readonly now: string;
  execute(statement: Statement): Promise<Result>;
  /** Runs these in order; as one transaction where DDL can be part of one, so each must bear a rerun. */
  apply(statements: readonly Statement[]): Promise<void>;
  /** `table` is quoted. */
  hasTable(table: string): Promise<boolean>;
}
