import { check } from '../../../shared/doctor/check.ts';
import { count } from '../../operations/count.ts';
import type { Check } from '../../operations/doctor/check.ts';
import { checkLegacyRows, type LegacyReport } from '../../operations/legacy/check.ts';
import { giveBack } from '../../operations/legacy/give-back.ts';
import type { LeftGroup } from '../../operations/legacy/passes.ts';
import type { LegacyOptions } from '../../operations/legacy/plan.ts';
import { takeOver } from '../../operations/legacy/take-over.ts';
import { withProgress } from '../bulk/progress.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import type { Session } from '../shell/session.ts';
import { describeChecks, inWords } from './doctor.ts';

/** Names of a group that the text has; with `--json` there are more. */
const shownNames = 3;

const jsonFieldsOption = [
  '--json-fields',
  'split a secret that is a JSON object into the fields of its type',
] as const;

export function defineLegacy(legacy: AdminCommand, session: Session): void {
  legacy.examples('keyserver-admin legacy check', 'keyserver-admin legacy take-over');
  addCheck(legacy, session);
  addTakeOver(legacy, session);
  addGiveBack(legacy, session);
}

function addCheck(legacy: AdminCommand, session: Session): void {
  legacy
    .command('check')
    .summary('say what taking over would do')
    .description(
      `Says how many rows of the earlier system can be taken over, and which not and why; changes nothing.
Exit code 1 if a row would be left.`,
    )
    .option(...jsonFieldsOption)
    .examples('keyserver-admin legacy check', 'keyserver-admin legacy check --json')
    .operation(session, async (context, { jsonFields = false }: Partial<LegacyOptions>) => {
      const report = await checkLegacyRows(context, { jsonFields });
      if (report.left.length > 0) session.exitCode = faultsFoundExitCode;
      session.out.result(
        report,
        describeChecks(session, checksOf(report).map(inWords), verdictOf(report, jsonFields)),
      );
    });
}

function addTakeOver(legacy: AdminCommand, session: Session): void {
  legacy
    .command('take-over')
    .summary("seal the earlier system's rows")
    .description(
      `Seals the rows of the earlier system with the primary at-rest key, after copying them into a table beside
theirs. It works while calls go on, beside a second run, and goes on where it was cut off if it is run again. The
earlier system cannot read a sealed row: legacy give-back returns them. Exit code 1 if a row is left.`,
    )
    .option(...jsonFieldsOption)
    .examples('keyserver-admin legacy take-over')
    .operation(session, async (context, { jsonFields = false }: Partial<LegacyOptions>) => {
      const result = await withProgress(session.io, (progress) =>
        takeOver(context, { jsonFields }, progress),
      );
      const { sealed, copy = null } = result;
      const kept = copy === null ? '' : `; they are in ${copy} as they were`;
      tell(session, { ...result, copy }, `sealed ${count(sealed, 'row')}${kept}`);
    });
}

function addGiveBack(legacy: AdminCommand, session: Session): void {
  legacy
    .command('give-back')
    .summary('return the rows to the earlier system')
    .description(
      `Gives the rows that were taken over the bytes that the earlier system wrote, so that it can read them again.
KeyServer must serve such rows by then: UNSAFE_LEGACY_ROWS=1. A row whose secret was stored since is left, with
exit code 1: store it in the earlier system.`,
    )
    .examples('keyserver-admin legacy give-back')
    .operation(session, async (context) => {
      const result = await withProgress(session.io, (progress) => giveBack(context, progress));
      tell(session, result, `gave ${count(result.restored, 'row')} back`);
    });
}

function checksOf({ columns, needsChars, left, ...rows }: LegacyReport): Check[] {
  const tooNarrow =
    needsChars === undefined ? [] : [`the column token needs ${needsChars} characters: widen it`];
  const leftRows = left.reduce((sum, group) => sum + group.rows, 0);
  return [
    check(
      'columns',
      'of the token table',
      [...columns, ...tooNarrow],
      needsChars === undefined ? 'warning' : 'fault',
    ),
    check('sealed', count(rows.sealed, 'row')),
    check('ready', count(rows.ready, 'row')),
    check('left', count(leftRows, 'row'), left.map(leftLine)),
  ];
}

function verdictOf({ ready, left }: LegacyReport, jsonFields: boolean): string {
  if (ready > 0) {
    return `seal what is ready: keyserver-admin legacy take-over${jsonFields ? ' --json-fields' : ''}`;
  }
  return left.length > 0 ? 'no row can be taken over' : 'no row of the earlier system is left';
}

type Swapped = Pick<Awaited<ReturnType<typeof giveBack>>, 'unsettled' | 'left'>;

function tell<T extends Swapped>(session: Session, result: T, done: string): void {
  const { unsettled, left } = result;
  if (left.length > 0 || unsettled > 0) session.exitCode = faultsFoundExitCode;
  const changed =
    unsettled > 0 ? [`${count(unsettled, 'row')} changed all the time: run it again`] : [];
  session.out.result(result, [done, ...changed, ...left.map(leftLine)].join('\n'));
}

function leftLine({ rows, fault, names }: LeftGroup): string {
  const shown = names
    .slice(0, shownNames)
    .map(({ client, type }) => `client ${JSON.stringify(client)}, type ${JSON.stringify(type)}`);
  const more = rows > shown.length ? `; and ${rows - shown.length} more` : '';
  return `left ${count(rows, 'row')}: ${fault} (${shown.join('; ')}${more})`;
}
