import { isDeepStrictEqual } from 'node:util';
import { fieldsFault } from '../../../shared/policy/injection/injection.ts';
import { openSecret, type Secret, sealSecret } from '../../at-rest/secret.ts';
import { tryOpen } from '../../at-rest/try-open.ts';
import type { BatchOutcome, PutTokens, TokenRow } from '../../store/store.ts';
import type { OperationContext } from '../context.ts';
import { count } from '../count.ts';
import { listDocuments } from '../documents.ts';
import { NamesAlike } from '../names-alike.ts';
import { inputInvalid, type OperationError } from '../operation-error.ts';
import { type ImportRow, type ImportRules, judgeRow } from './import-row.ts';
import { NameLines } from './name-lines.ts';
import type { Progress } from './progress.ts';
import { putRows } from './put-rows.ts';
import type { RawRow, RowFault } from './raw-rows.ts';
import { Spool } from './spool.ts';

/**
 * Rows and bytes that are stored in one transaction. Clusters apply it as a whole at every node, and stall meanwhile;
 * group replication may expel a node that is busy with one for five seconds.
 */
const maxAtomicRows = 10_000;
const maxAtomicBytes = 8_388_608;
const batchRows = 1000;
const batchBytes = 4_194_304;
/** Maximum number of faults or warnings in the result: a screen of them. */
const maxTold = 20;

interface ImportOptions {
  /** Judges and compares, and changes nothing. */
  readonly dryRun?: boolean;
  readonly progress?: Progress;
}

/**
 * Stores tokens, all of which are judged before one is stored: in one transaction, or in batches if there are more than
 * ten thousand. A row that is stored already with the same secret and expiry stays as it is, so that the same import
 * goes on where an earlier one ended.
 * @throws OperationError input_invalid, after which nothing was stored
 */
export async function importTokens(
  context: OperationContext,
  source: AsyncIterable<RawRow | RowFault>,
  { dryRun = false, progress = () => {} }: ImportOptions = {},
) {
  const spool = await Spool.open();
  try {
    await context.beforeSealing?.();
    const warnings = await judgeAll(context, source, spool, progress);
    // Once more: what waited may have been sealed with a key that was retired meanwhile.
    await context.beforeSealing?.();
    const outcome = await storeAll(context, spool, dryRun, progress);
    const told = { warnings: warnings.first, warningCount: warnings.count };
    return { rows: spool.rows, ...outcome, ...told };
  } finally {
    await spool.close();
  }
}

class Told {
  readonly first: string[] = [];
  count = 0;

  add(line: number, sentence: string): void {
    this.count += 1;
    if (this.first.length < maxTold) this.first.push(`line ${line}: ${sentence}`);
  }
}

async function judgeAll(
  context: OperationContext,
  source: AsyncIterable<RawRow | RowFault>,
  spool: Spool,
  progress: Progress,
): Promise<Told> {
  const rules = await rulesOf(context);
  const names = new NameLines();
  const faults = new Told();
  const warnings = new Told();
  for await (const raw of source) {
    const judged = 'fault' in raw ? raw.fault : judgeRow(raw.members, rules);
    const fault = typeof judged === 'string' ? judged : repetition(names, judged, raw.line);
    if (fault === undefined && typeof judged !== 'string') {
      const alike = rules.clients.add('client', judged.clientId);
      for (const warning of [...judged.warnings, ...alike]) warnings.add(raw.line, warning);
      const row = sealedOf(context, judged, rules);
      if (typeof row === 'string') faults.add(raw.line, row);
      else await spool.add(row);
    } else faults.add(raw.line, fault ?? '');
    progress('judged', spool.rows + faults.count);
  }
  if (faults.count > 0) throw faulty(faults);
  if (spool.rows === 0) throw inputInvalid('there is no row', { do: 'provide_secret' });
  return warnings;
}

async function rulesOf(context: OperationContext): Promise<ImportRules> {
  const types = await listDocuments(context, 'type');
  return {
    types: new Map(types.map(({ id, content }) => [id, content])),
    nowMs: context.clock.now(),
    clients: new NamesAlike(await context.store.clients()),
  };
}

function repetition(names: NameLines, row: ImportRow, line: number): string | undefined {
  const before = names.add(row, line);
  return before === undefined ? undefined : `line ${before} has the same client and type`;
}

/** A sentence if a row that came sealed cannot be used. */
function sealedOf(
  context: OperationContext,
  { content, ...name }: ImportRow,
  { types }: ImportRules,
): TokenRow | string {
  const { clientId, tokenType } = name;
  if (!('sealed' in content)) return sealSecret(context.keyring, name, content);
  const sealed = { clientId, tokenType, token: content.sealed };
  const secret = opened(context, sealed);
  if (secret === undefined)
    return 'sealed does not open: another keyring, client or type sealed it';
  const injection = types.get(tokenType)?.injection;
  return (injection && fieldsFault(injection, secret.fields)) ?? sealed;
}

function opened({ keyring }: OperationContext, row: TokenRow): Secret | undefined {
  return tryOpen(() => openSecret(keyring, row));
}

function faulty({ first, count: faults }: Told): OperationError {
  const rest = faults > first.length ? [`and ${faults - first.length} more`] : [];
  return inputInvalid(
    `${count(faults, 'row')} cannot be stored:\n  - ${[...first, ...rest].join('\n  - ')}`,
    'nothing was changed: mend these lines, and run the same command again',
  );
}

async function storeAll(
  context: OperationContext,
  spool: Spool,
  dryRun: boolean,
  progress: Progress,
): Promise<BatchOutcome> {
  const isSame: PutTokens['isSame'] = (stored, row) =>
    isDeepStrictEqual(opened(context, stored), opened(context, row));
  const isAtomic = spool.rows <= maxAtomicRows && spool.bytes <= maxAtomicBytes;
  const batches = isAtomic
    ? spool.batches(maxAtomicRows, Infinity)
    : spool.batches(batchRows, batchBytes);
  const sum = { added: 0, replaced: 0, unchanged: 0 };
  let done = 0;
  try {
    for await (const rows of batches) {
      const batch = { rows, isSame, announce: isAtomic, dryRun };
      const outcome = await putRows(context.store, batch);
      sum.added += outcome.added;
      sum.replaced += outcome.replaced;
      sum.unchanged += outcome.unchanged;
      done += rows.length;
      progress(dryRun ? 'compared' : 'stored', done, spool.rows);
    }
  } catch (error) {
    // Rows replaced before count at once, too, since nobody may run the same file again.
    if (!isAtomic && sum.replaced > 0) await context.store.announceAll().catch(() => undefined);
    throw error;
  }
  // Even if nothing changed: an earlier run may have ended before this.
  if (!isAtomic && !dryRun) await context.store.announceAll();
  return sum;
}
