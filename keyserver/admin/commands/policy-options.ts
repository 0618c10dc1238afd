import type { Policy } from '../../../shared/policy/schema.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import { injectionFromOptions, type OptionValues } from './injection-options.ts';

/** The options of `type put`. */
export interface PolicyOptions extends OptionValues {
  readonly destination: readonly string[];
  readonly unsafePlaintext?: boolean;
  readonly unsafeAllowPrivate?: readonly string[];
  readonly cacheSeconds?: string;
  readonly scrub: boolean;
  readonly publicField?: readonly string[];
  readonly redactMember?: readonly string[];
}

/** Builds a policy, which putType validates. @throws OperationError input_invalid */
export function policyFromOptions(options: PolicyOptions): Policy {
  const { destination, unsafePlaintext, unsafeAllowPrivate, cacheSeconds } = options;
  const { scrub, publicField, redactMember } = options;
  return {
    destinations: [...destination],
    injection: injectionFromOptions(options),
    ...(unsafePlaintext && { unsafePlaintext }),
    ...(unsafeAllowPrivate && { unsafeAllowPrivate: [...unsafeAllowPrivate] }),
    ...(cacheSeconds !== undefined && { cacheSeconds: parseSeconds(cacheSeconds) }),
    ...(!scrub && { scrub }),
    ...(publicField && { publicFields: [...publicField] }),
    ...(redactMember && { redactMembers: [...redactMember] }),
  };
}

function parseSeconds(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw inputInvalid(
    `--cache-seconds ${JSON.stringify(text)} is not an integer`,
    'it is 0 to 300 seconds',
  );
}
