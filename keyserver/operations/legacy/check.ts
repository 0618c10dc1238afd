import type { LegacyKey } from '../../../shared/crypto/legacy-row.ts';
import { ConfigError } from '../../../shared/settings/config.ts';
import type { OperationContext } from '../context.ts';
import { contentOf, listDocuments } from '../documents.ts';
import { inputInvalid } from '../operation-error.ts';
import { LeftRows } from './passes.ts';
import { type LegacyOptions, nameOf, type PlanContext, planRow } from './plan.ts';

export type LegacyReport = Awaited<ReturnType<typeof checkLegacyRows>>;

/** They are kept in memory; beyond this, something else is wrong with the table. */
const maxRepeated = 10_000;
/** Without an index the time grows with the square of the rows: these take a minute. */
const maxSortedRows = 10_000;

/**
 * Foretells what taking over would do to each row, and changes nothing: numbers of rows, faults of the columns, and the
 * characters that the column `token` needs if it holds fewer. @throws ConfigError, OperationError
 */
export async function checkLegacyRows(context: OperationContext, options: LegacyOptions) {
  const planning = await planContext(context, options);
  const findings = await context.store.tokenTableFindings();
  const left = new LeftRows();
  const counts = { sealed: 0, ready: 0 };
  let needsChars: number | undefined;
  for await (const page of context.store.tokenPages()) {
    for (const row of page) {
      const plan = planRow(planning, row);
      if (plan.is !== 'left') counts[plan.is] += 1;
      else {
        left.add(row, plan);
        if (plan.needsChars !== undefined) needsChars = Math.max(needsChars ?? 0, plan.needsChars);
      }
    }
  }
  const columns = findings.map(({ message }) => message);
  const statement = await context.store.missingIndex(0);
  if (statement !== undefined) {
    columns.push(`no index gives its rows an order, so taking over takes long: ${statement}`);
  }
  return { ...counts, left: left.groups(), columns, needsChars };
}

/**
 * @throws ConfigError without the earlier system's key; OperationError integrity_failed for a type that does not open,
 * input_invalid if too many names have several rows, or many rows no index
 */
export async function planContext(
  context: OperationContext,
  options: LegacyOptions,
): Promise<PlanContext> {
  const { keyring, store } = context;
  const legacyKey = legacyKeyIn(context);
  const types = await listDocuments(context, 'type');
  const statement = await store.missingIndex(maxSortedRows);
  if (statement !== undefined) {
    throw inputInvalid(
      `no index gives the rows of the token table an order, and it has more than ${maxSortedRows}`,
      `nothing was changed; give it one, and run the same command again: ${statement}`,
    );
  }
  const repeated = await store.repeatedTokens(maxRepeated + 1);
  if (repeated.length > maxRepeated) {
    throw inputInvalid(
      `more than ${maxRepeated} clients and types have several rows each`,
      'delete all but one row of each client and type, then index them uniquely',
    );
  }
  return {
    ...options,
    keyring,
    legacyKey,
    types: new Map(types.map((type) => [type.id, contentOf('type', type.id, type)])),
    repeated: new Set(repeated.map(nameOf)),
    maxTokenChars: await store.maxTokenChars(),
  };
}

/** The key of the earlier system. @throws ConfigError without it */
export function legacyKeyIn({ legacyKey }: OperationContext): LegacyKey {
  if (legacyKey !== undefined) return legacyKey;
  throw new ConfigError([
    'AES_KEY_FILE and AES_IV_FILE must be set: they open the rows of the earlier system',
  ]);
}
