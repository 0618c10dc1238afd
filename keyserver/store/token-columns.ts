/** A column of the token table, which may be the operator's own. */
export interface TokenColumn {
  readonly name: string;
  /** As the database spells it. */
  readonly type: string;
  /** It gives every text back unchanged, up to its length. */
  readonly keepsText: boolean;
  /** Number of ASCII characters that it holds; undefined without a limit. */
  readonly maxChars: number | undefined;
  /** It must have a value and has no default. */
  readonly isRequired: boolean;
}

/** A finding about the token table; with a `fault` no token can be stored or read. */
export interface TableFinding {
  readonly severity: 'fault' | 'warning';
  readonly message: string;
}

const ownColumns: readonly string[] = ['client_id', 'token_type', 'token'];

/** Judges the token table by its columns; empty for a table that cannot be seen. */
export function tableFindings(columns: readonly TokenColumn[]): TableFinding[] {
  if (columns.length === 0) return [];
  const byName = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  const findings: TableFinding[] = [];
  for (const name of ownColumns) {
    const column = byName.get(name);
    if (column === undefined) findings.push(fault(`it has no column ${name}`));
    else if (!column.keepsText) findings.push(narrow(column));
  }
  for (const { name, isRequired } of columns) {
    if (!isRequired || ownColumns.includes(name.toLowerCase())) continue;
    findings.push(
      fault(
        `its column ${name} must have a value that nobody gives, so no new token can be stored: let it be NULL, or give it a default`,
      ),
    );
  }
  return findings;
}

export function maxTokenChars(columns: readonly TokenColumn[]): number | undefined {
  return columns.find(({ name }) => name.toLowerCase() === 'token')?.maxChars;
}

function fault(message: string): TableFinding {
  return { severity: 'fault', message };
}

function narrow({ name, type }: TokenColumn): TableFinding {
  if (name.toLowerCase() === 'token') {
    return fault(`its column token is ${type}, which cannot hold tokens: give it a text type`);
  }
  return {
    severity: 'warning',
    message: `its column ${name} is ${type}, so it takes only names that this type gives back unchanged: a text type takes all`,
  };
}
