import type { Command } from 'commander';
import type { Injection } from '../../../../shared/policy/injection/schema.ts';
import type { Policy } from '../../../../shared/policy/schema.ts';
import { inputInvalid } from '../../../operations/operation-error.ts';
import { checkPolicyAlone } from '../../../operations/types.ts';
import { confirm } from '../../shell/confirmation.ts';
import type { Session } from '../../shell/session.ts';
import { injectionFromOptions } from './injection-options.ts';
import { type PolicyOptions, policyFromOptions } from './policy-options.ts';

/** Options of `type put` that choose a preset. */
export interface PresetOptions {
  readonly preset?: string;
  readonly auth?: string;
  readonly sandbox?: boolean;
  readonly renewedElsewhere?: boolean;
}

export function addPresetOptions(command: Command): Command {
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

interface Asked {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/**
 * The policy of a preset with what other options override. Destinations outside of the preset's hosts are shown, and
 * confirmed. @throws OperationError input_invalid, not_found, confirmation_required
 */
export async function policyOfPreset(
  session: Session,
  id: string,
  name: string,
  options: PresetOptions & PolicyOptions & Asked,
): Promise<Policy> {
  const { findPreset } = await import('../../../operations/presets/find.ts');
  const { expandPreset } = await import('../../../operations/presets/expand.ts');
  const preset = findPreset(name);
  const { auth, sandbox, renewedElsewhere, destination: destinations, dryRun, yes } = options;
  const injection = injectionFromOptions<Injection | undefined>(options, undefined);
  const { policy, widened, remarks } = expandPreset(preset, {
    ...{ auth, sandbox, renewedElsewhere, destinations, injection },
  });
  const whole = policyFromOptions(options, session.io.folder, policy);
  // Nobody should confirm what is then refused.
  checkPolicyAlone(whole);
  const consequences = widened.map(
    (one) => `tokens of the type ${JSON.stringify(id)} may go to ${one}, which is no host of it`,
  );
  if (consequences.length > 0 && !dryRun) {
    await confirm(session, { doing: `widening the preset ${preset.id}`, consequences, yes });
  }
  if (dryRun) for (const one of consequences) session.out.note(`note: ${one}`);
  for (const remark of remarks) session.out.note(`note: ${remark}`);
  return whole;
}
