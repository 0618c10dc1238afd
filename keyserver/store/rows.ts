import { type Change, type DocumentRow, isDocumentKind, type TokenRow } from './store.ts';

/** A row as either driver returns it: text columns as strings, binary ones as bytes. */
export type Row = Readonly<Record<string, unknown>>;

/** A column's text. Binary columns are UTF-8; invalid UTF-8 and NULL become text that equals no name. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}

/** A column's integer; NaN if it holds none, or one beyond `Number.MAX_SAFE_INTEGER`. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  const number = typeof value === 'bigint' ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : Number.NaN;
}

/** True if a key column's bytes are exactly the name's: no case folding, padding or normalisation. */
export function isExactly(row: Row, column: string, name: string): boolean {
  const value = row[column];
  if (value instanceof Uint8Array) return Buffer.from(name, 'utf8').equals(value);
  return value === name;
}

export function tokenRow(row: Row): TokenRow {
  return {
    clientId: text(row, 'client_id'),
    tokenType: text(row, 'token_type'),
    token: text(row, 'token'),
  };
}

export function documentRow(row: Row): DocumentRow {
  return {
    kind: text(row, 'kind'),
    id: text(row, 'id'),
    revision: integer(row, 'revision'),
    kid: text(row, 'kid'),
    body: text(row, 'body'),
    mac: text(row, 'mac'),
  };
}

/** A change's row; undefined if this version does not know its kind, or `seq` is not an integer. */
export function changeRow(row: Row): Change | undefined {
  const kind = text(row, 'kind');
  const seq = integer(row, 'seq');
  const id = text(row, 'id');
  if (Number.isNaN(seq)) return undefined;
  if (kind === 'token') return { seq, kind, id, tokenType: text(row, 'token_type') };
  return isDocumentKind(kind) ? { seq, kind, id } : undefined;
}
