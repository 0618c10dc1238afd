import { parseArgs } from 'node:util';

/** Exit code for a command line that cannot be used (sysexits.h EX_USAGE). */
export const usageExitCode = 64;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const options = {
  'check-config': { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** Parses the arguments of a service; `hasDoctor`: it has the command `doctor`. @throws UsageError */
export function parseCommandLine(args: readonly string[], hasDoctor: boolean) {
  const { values, positionals } = parse(args);
  const isDoctor = hasDoctor && positionals[0] === 'doctor';
  const [extra] = isDoctor ? positionals.slice(1) : positionals;
  if (extra !== undefined) throw new UsageError('unknown command');
  const { help, version, json, 'check-config': check } = values;
  if (json && !isDoctor) throw new UsageError('--json needs the command doctor');
  if (isDoctor && check) throw new UsageError('--check-config needs no command');
  const wanted = help ? 'help' : version ? 'version' : check ? 'check' : undefined;
  return { action: wanted ?? (isDoctor ? 'doctor' : 'serve'), json } as const;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    // Without a value, which may be a misplaced secret.
    const [name = ''] = /--?[a-z][\w-]*/.exec(error.message) ?? [];
    throw new UsageError(`unknown option ${name}`.trim());
  }
}

export function usage(service: string, hasDoctor: boolean): string {
  const doctor = hasDoctor
    ? `       node ${service}/main.ts doctor [--json]     check settings, keys, clock, certificates, KeyServer
`
    : '';
  return `Usage: node ${service}/main.ts                      serve until SIGTERM
       node ${service}/main.ts --check-config       check settings and the files that they name
${doctor}       node ${service}/main.ts --version
Settings come from the environment: docs/settings.md
`;
}
