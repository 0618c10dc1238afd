import type { Policy } from '../../../shared/policy/schema.ts';
import type { Preset } from '../../presets/preset.ts';
import { inputInvalid } from '../operation-error.ts';
import { policyChanges } from '../types.ts';
import { expandPreset } from './expand.ts';
import { findAuth, findPreset } from './find.ts';

/** How a type differs from its preset as it is now, and the revision that it was made of. @throws OperationError input_invalid, not_found */
export function presetDiff(id: string, policy: Policy) {
  const { preset: made, ...members } = policy;
  if (made === undefined) {
    throw inputInvalid(`the type ${JSON.stringify(id)} was made of no preset`, {
      do: 'show_type',
      type: id,
    });
  }
  const preset = findPreset(made.id);
  const auth = findAuth(preset, made.auth);
  const isGiven = auth.needs?.some((need) => need !== 'renewal') === true;
  const { policy: fresh } = expandPreset(preset, {
    ...{ auth: made.auth, sandbox: made.sandbox, renewedElsewhere: true },
    // A member that the preset does not have is the operator's own, and no difference.
    ...(isGiven && { injection: policy.injection }),
    ...(hasOwnHosts(preset) && { destinations: policy.destinations }),
  });
  const { preset: _, ...expanded } = fresh;
  return { preset, revision: made.revision, changes: policyChanges(expanded, members) };
}

function hasOwnHosts({ hosts }: Preset): boolean {
  return hosts.every(({ host, is }) => is !== 'production' || host.includes('{'));
}
