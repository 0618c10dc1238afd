import { consequencesOf } from '../../../operations/changes/consequences.ts';
import type { OperationContext } from '../../../operations/context.ts';
import { count } from '../../../operations/count.ts';
import type { Plan } from '../../../operations/fleet/plan.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import { readInput } from '../../shell/input-file.ts';
import type { Session } from '../../shell/session.ts';

export interface FileOptions {
  readonly file: string;
  readonly prune?: boolean;
}

export function addFileOptions(command: AdminCommand): AdminCommand {
  return command
    .requiredOption('-f, --file <path>', 'types, apps and proxies in YAML or JSON; - for stdin')
    .option('--prune', 'delete what the file does not have, of the kinds that it has');
}

export interface Planned {
  readonly plan: Plan;
  readonly consequences: readonly string[];
}

/** Reads the file before the database is asked, so that its faults come first. */
export async function readPlan(
  session: Session,
  { file, prune }: FileOptions,
): Promise<(context: OperationContext) => Promise<Planned>> {
  // Not every command shall load a parser of YAML.
  const { readFleet } = await import('../../../operations/fleet/desired.ts');
  const { planFleet } = await import('../../../operations/fleet/plan.ts');
  const desired = readFleet(file === '-' ? 'stdin' : file, await readInput(session, file));
  return async (context) => {
    const plan = await planFleet(context, desired, { prune });
    return { plan, consequences: await consequencesOf(context, plan.stored, plan.drafts) };
  };
}

export function planMembers({ plan, consequences }: Planned) {
  const { lines, kept, keyless, warnings } = plan;
  return { changes: lines, consequences, kept, keyless, warnings };
}

export function planText({ plan }: Planned): string {
  return plan.lines.length === 0 ? 'no changes' : plan.lines.join('\n');
}

const maxKeptNames = 5;

/** Remarks that change nothing, for stderr. */
export function noteRest({ out }: Session, { kept, warnings }: Plan): void {
  for (const warning of warnings) out.note(`note: ${warning}`);
  if (kept.length === 0) return;
  const names = kept.slice(0, maxKeptNames).map(({ kind, id }) => `${kind} ${id}`);
  const rest = kept.length > names.length ? ', …' : '';
  out.note(
    `note: ${count(kept.length, 'document')} not in the file ${kept.length === 1 ? 'stays' : 'stay'} (--prune deletes): ${names.join(', ')}${rest}`,
  );
}
