import type { Command } from 'commander';
import type { Check } from '../doctor/check.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { faultsFoundExitCode } from '../shell/exit.ts';
import { count, printable, table } from '../shell/output.ts';
import type { Session } from '../shell/session.ts';
import { examples } from './examples.ts';

export function addDoctorCommand(program: Command, session: Session): void {
  program
    .command('doctor')
    .summary('check settings, keys, database, documents and tokens')
    .description(
      `Checks settings, key files, the database, every document and every token, and changes nothing.
Exit code 1 where something is wrong; warnings alone are 0.`,
    )
    .addHelpText('after', examples('keyserver-admin doctor', 'keyserver-admin doctor --json'))
    .action(async () => {
      const checks = await diagnose(session.io);
      const faults = checks.filter(({ status }) => status === 'fault');
      if (faults.length > 0) session.exitCode = faultsFoundExitCode;
      session.out.result({ ok: faults.length === 0, checks }, describe(checks, faults.length));
    });
}

function describe(checks: readonly Check[], faults: number): string {
  const lines = table(
    ['check', 'status', 'what'],
    checks.map(({ name, status, summary }) => [name, status, summary]),
    '',
  ).split('\n');
  const [heading, ...rows] = lines;
  const body = rows.flatMap((row, i) => [
    row,
    ...(checks[i]?.findings ?? []).map((finding) => `  - ${printable(finding)}`),
  ]);
  const verdict = faults === 0 ? 'all is well' : `${count(faults, 'check')} found faults`;
  return [heading, ...body, verdict].join('\n');
}
