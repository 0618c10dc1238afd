import type { Value } from './store.ts';

/** Servers limit the length of a packet. */
const maxChars = 1_000_000;

/** The rows in pieces that one statement takes. */
export function* chunks<T>(
  rows: readonly T[],
  maxRows: number,
  chars: (row: T) => number = () => 0,
): Generator<T[]> {
  let some: T[] = [];
  let length = 0;
  for (const row of rows) {
    length += chars(row);
    if (some.length === maxRows || (some.length > 0 && length > maxChars)) {
      yield some;
      some = [];
      length = chars(row);
    }
    some.push(row);
  }
  if (some.length > 0) yield some;
}

/** A statement, or a part of one, and the values of its parameters. */
export interface SqlPart {
  readonly sql: string;
  readonly params: readonly Value[];
}

type Values = readonly (readonly Value[])[];

/** A condition for rows that have one of these lists of values in the columns. */
export function anyOf(columns: readonly string[], values: Values): SqlPart {
  const one = `(${columns.map((column) => `${column} = ?`).join(' AND ')})`;
  return { sql: values.map(() => one).join(' OR '), params: values.flat() };
}

/** @param into such as `INSERT INTO changes` */
export function insertion(into: string, columns: readonly string[], values: Values): SqlPart {
  const one = `(${columns.map(() => '?').join(', ')})`;
  return {
    sql: `${into} (${columns.join(', ')}) VALUES ${values.map(() => one).join(', ')}`,
    params: values.flat(),
  };
}
