import type { Result, Statement } from '../statements.ts';
import type { TableName } from '../table-name.ts';

export interface MigrationDatabase {
  readonly dialect: 'mysql' | 'sqlite';
  readonly tokenTable: TableName;
  readonly now: string;
  execute(statement: Statement): Promise<Result>;
  /** Runs these in order; in one transaction only if the database's DDL can be, so each must be repeatable. */
  apply(statements: readonly Statement[]): Promise<void>;
  /** `table` is quoted. */
  hasTable(table: string): Promise<boolean>;
}
