import type { Injection } from '../../../../shared/policy/injection/schema.ts';
import type { Policy } from '../../../../shared/policy/schema.ts';
import { inputInvalid } from '../../../operations/operation-error.ts';
import type { PresetChoice } from '../../../operations/presets/expand.ts';
import { checkPolicyAlone } from '../../../operations/types.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import type { Session } from '../../shell/session.ts';
import { injectionFromOptions } from './injection-options.ts';
import { listsFromOptions, type PolicyOptions, policyFromOptions } from './policy-options.ts';

export interface PresetOptions extends Pick<PresetChoice, 'auth' | 'sandbox' | 'renewedElsewhere'> {
  readonly preset?: string;
}

export function addPresetOptions(command: AdminCommand): AdminCommand {
  return command
    .option('--preset <name>', 'take destinations and injection from it; other options override it')
    .option('--auth <way>', 'the way to authenticate, as preset show names it; with --preset')
    .option('--sandbox', 'the sandbox of the marketplace; with --preset')
    .option('--renewed-elsewhere', 'something else renews the access token; with --preset');
}

/** @throws OperationError input_invalid if options need a preset that is not named */
export function checkPresetOptions({ auth, sandbox, renewedElsewhere }: PresetOptions): void {
  if (auth === undefined && !sandbox && !renewedElsewhere) return;
  throw inputInvalid('--auth, --sandbox and --renewed-elsewhere need --preset', {
    do: 'list_presets',
  });
}

/** The policy of a preset with what other options override. @throws OperationError input_invalid, not_found */
export async function policyOfPreset(
  session: Session,
  name: string,
  options: PresetOptions & PolicyOptions,
): Promise<Policy> {
  const { findPreset } = await import('../../../operations/presets/find.ts');
  const { expandPreset } = await import('../../../operations/presets/expand.ts');
  const preset = findPreset(name);
  const { auth, sandbox, renewedElsewhere } = options;
  const { destinations } = listsFromOptions(options);
  const injection = injectionFromOptions<Injection | undefined>(options, undefined);
  const { policy, remarks } = expandPreset(preset, {
    ...{ auth, sandbox, renewedElsewhere, destinations, injection },
  });
  const whole = policyFromOptions(options, session.io.folder, policy);
  // Remarks on what is then refused would mislead.
  checkPolicyAlone(whole);
  for (const remark of remarks) session.out.note(`note: ${remark}`);
  return whole;
}
