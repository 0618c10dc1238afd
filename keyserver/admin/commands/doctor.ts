import { check, isSound, verdict } from '../../../shared/doctor/check.ts';
import { ConfigError } from '../../../shared/settings/config.ts';
import type { Check, Finding } from '../../operations/doctor/check.ts';
import { diagnose } from '../../operations/doctor/diagnose.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import type { AdminIo } from '../shell/io.ts';
import type { ReadOptions, Session } from '../shell/session.ts';
import { type DatabaseSettings, readDatabaseSettings, readSettings } from '../shell/settings.ts';
import { inShell } from '../shell/suggestions.ts';
import { printable } from '../shell/text/table.ts';
import { addUnverified } from './unverified.ts';

/** More of one check would hide the others on a screen. */
const maxFindings = 5;

export function defineDoctor(command: AdminCommand, session: Session): void {
  addUnverified(command)
    .description(
      `Checks settings, key files, the database, every document and every token, and changes nothing.
Exit code 1 if there is a fault; warnings alone exit with 0.`,
    )
    .option(
      '--all',
      `print all findings of a check, not the first ${maxFindings} alone; --json has all`,
    )
    .examples('keyserver-admin doctor', 'keyserver-admin doctor --all')
    .action(async ({ all = false, unverified = false }: { all?: boolean } & ReadOptions) => {
      const checks = (await checkAll(session.io, unverified)).map(inWords);
      const ok = isSound(checks);
      if (!ok) session.exitCode = faultsFoundExitCode;
      const well = unverified ? 'no faults were found, and nothing was verified' : undefined;
      session.out.result(
        { ok, ...(unverified && { verified: false }), checks },
        describeChecks(session, checks, verdict(checks, well), all ? Infinity : maxFindings),
      );
    });
}

async function checkAll(io: AdminIo, unverified: boolean): Promise<Check[]> {
  let settings: DatabaseSettings;
  try {
    settings = unverified ? readDatabaseSettings(io) : readSettings(io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [check('settings', 'cannot be used', error.faults)];
  }
  return [
    check('settings', settings.placeNote ?? 'complete', settings.warnings, 'warning'),
    ...(await diagnose({ ...settings, clock: io.clock })),
  ];
}

/** A check as it is printed, also with `--json`. */
export interface PrintedCheck extends Check {
  readonly findings: readonly string[];
}

export function inWords(found: Check): PrintedCheck {
  return { ...found, findings: found.findings.map(sentence) };
}

function sentence(finding: Finding): string {
  return typeof finding === 'string'
    ? finding
    : `${finding.problem}; ${inShell(finding.suggestion)}`;
}

function shownFindings(findings: readonly string[], maxShown: number): string[] {
  const more = findings.length - maxShown;
  const rest = more > 0 ? [`and ${more} more: keyserver-admin doctor --all`] : [];
  return [...findings.slice(0, maxShown), ...rest];
}

/** A table of checks, each with its findings below, and a last line. */
export function describeChecks(
  { out }: Session,
  checks: readonly PrintedCheck[],
  lastLine: string,
  maxShown = Infinity,
): string {
  const [heading, ...rows] = out
    .table(
      ['check', 'status', 'what'],
      checks.map(({ name, status, summary }) => [name, status, summary]),
      '',
    )
    .split('\n');
  const body = rows.flatMap((row, i) => [
    row,
    ...shownFindings(checks[i]?.findings ?? [], maxShown).map((line) => `  - ${printable(line)}`),
  ]);
  return [heading, ...body, lastLine].join('\n');
}
