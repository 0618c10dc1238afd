import type { AdminCommand } from '../../shell/admin-command.ts';
import { noteLosses } from '../../shell/confirmation.ts';
import { changesExitCode } from '../../shell/exit-codes.ts';
import { type ReadOptions, type Session, unverifiedNote } from '../../shell/session.ts';
import { addUnverified, verificationOf } from '../unverified.ts';
import {
  addFileOptions,
  type FileOptions,
  noteRest,
  planMembers,
  planText,
  readPlan,
} from './planned.ts';

const heading = [
  'Types, apps with their grants, and proxies of SecureProxy-KeyServer; no keys and no tokens.',
  'keyserver-admin plan --file FILE shows what it would change, apply --file FILE changes it.',
];

export function defineExport(command: AdminCommand, session: Session): void {
  addUnverified(command)
    .description(
      `Prints all types, apps with their grants, and proxies with their limits, as plan and apply read them: in YAML,
or with --json in JSON. It prints no keys and no tokens.`,
    )
    .option('--schema', 'print the JSON Schema of the file instead')
    .examples('keyserver-admin export > fleet.yaml')
    .action(async ({ schema, ...options }: { schema?: boolean } & ReadOptions) => {
      if (schema) {
        const { fleetJsonSchema } = await import('../../../operations/fleet/schema.ts');
        const value = fleetJsonSchema();
        session.out.result(value, JSON.stringify(value, null, 2));
        return;
      }
      const { exportFleet, toYaml } = await import('../../../operations/fleet/export.ts');
      await session.withReadContext(options, async (context) => {
        // Members that plan and apply reject: applied, what somebody wrote to the database would be sealed.
        const fleet = { ...verificationOf(context).members, ...(await exportFleet(context)) };
        const remarks = context.keyring ? [] : [`${unverifiedNote}; plan and apply reject it.`];
        session.out.result(fleet, toYaml(fleet, [...heading, ...remarks]));
      });
    });
}

export function definePlan(command: AdminCommand, session: Session): void {
  addFileOptions(command)
    .description(
      `Shows what apply would change, a line each, and what that would take away; changes nothing.
Exit code 0 without changes, 2 with changes, 1 if the file or the command is not valid.`,
    )
    .examples(
      'keyserver-admin plan --file fleet.yaml',
      'keyserver-admin plan --file fleet.yaml --prune --json',
    )
    .action(async (options: FileOptions) => {
      const planWith = await readPlan(session, options);
      await session.withContext(async (context) => {
        const planned = await planWith(context);
        if (planned.plan.drafts.length > 0) session.exitCode = changesExitCode;
        session.out.result(planMembers(planned), planText(planned));
        noteLosses(session, planned.consequences);
        noteRest(session, planned.plan);
      });
    });
}
