import type { Test } from 'tap';

/** Shows the effect of one setting on a service that was started through its program's own `start`. */
export type Row = (t: Test) => Promise<unknown>;

/** A start takes 0.1 s of a core, and rows must not starve each other. */
const rowsAtOnce = 6;
const rowLimitMs = 120_000;

/** Runs the rows side by side, since most of them wait. A setting without a row, or a row without one, is a fault. */
export async function runTable<S extends { readonly properties: object }>(
  t: Test,
  schema: S,
  rows: Readonly<Record<keyof S['properties'] & string, Row>>,
): Promise<void> {
  t.same(Object.keys(rows).sort(), Object.keys(schema.properties).sort(), 'a row for each setting');
  t.jobs = rowsAtOnce;
  await Promise.all(
    Object.entries<Row>(rows).map(([name, row]) =>
      t.test(name, { buffered: true, timeout: rowLimitMs }, async (t) => void (await row(t))),
    ),
  );
}

/** The row that shows several settings, which runs once. */
export function once(row: Row): Row {
  let shown: Promise<unknown> | undefined;
  return (t) => {
    shown ??= row(t);
    return shown;
  };
}
