import type { Step } from '../../../shared/protocol/explanation.ts';
import { type ExplainRequest, explainCall } from '../../operations/explain/explain.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import type { Session } from '../shell/session.ts';
import { inShell } from '../shell/suggestions.ts';

export function defineExplain(command: AdminCommand, session: Session): void {
  command
    .description(
      `Takes the steps that KeyServer takes when an app calls through a SecureProxy, and changes nothing.
Exit code 1 if the call would be rejected. Only the proxy checks the addresses that the host resolves to.`,
    )
    .requiredOption('--app <id>', 'who calls')
    .requiredOption('--client <id>', 'whose token')
    .requiredOption('--type <type>', 'its token type')
    .requiredOption('--url <url>', 'the URL to call, as the app sends it')
    .option('--method <method>', 'as in /request_api', 'POST')
    .option('--proxy <id>', 'the proxy that it calls through, with its limits')
    .examples(
      'keyserver-admin explain --app reports --client shop-1 --type wildberries --method GET --url https://api.example.com/v1/orders',
    )
    .operation(session, async (context, request: ExplainRequest) => {
      const explained = await explainCall(context, request);
      const { allowed, steps, limits = [], missing, remedy: advice } = explained;
      if (!allowed) session.exitCode = faultsFoundExitCode;
      const { code, reason, detail } = steps.at(-1) ?? {};
      const remedy = advice && inShell(advice);
      const rejection = allowed ? {} : { code, reason, detail, missing, remedy };
      const verdict = allowed
        ? `allowed${describeLimits(limits)}`
        : [`rejected: ${code}${reason === undefined ? '' : ` (${reason})`}`, missing, remedy]
            .filter((line) => line !== undefined)
            .join('\n  ');
      session.out.result(
        { allowed, ...rejection, steps, ...(allowed && { limits }) },
        `${describe(session, steps)}\n${verdict}`,
      );
    });
}

function describeLimits(limits: readonly string[]): string {
  if (limits.length === 0) return '';
  return `, within ${limits.join(', ')}\n  SecureProxy counts the calls: POST /explain there tells what is left`;
}

function describe({ out }: Session, steps: readonly Step[]): string {
  const rows = steps.map((step) => [step.step, step.ok ? 'ok' : 'rejected', finding(step)]);
  return out.table(['step', 'verdict', 'what'], rows, '');
}

function finding(step: Step): string {
  const { detail, grant, ca, expiresIn, headers = [], query = [] } = step;
  if (detail !== undefined) return detail;
  if (grant !== undefined) return grant.id;
  if (ca !== undefined) return `CA ${ca.join('; ')}`;
  if (expiresIn === null) return 'never expires';
  if (expiresIn !== undefined) return `expires in ${expiresIn} s`;
  if (step.tokenEndpoint) return `${step.destination}, which the proxy answers itself`;
  return step.app ?? step.url ?? step.destination ?? [...headers, ...query].join(', ');
}
