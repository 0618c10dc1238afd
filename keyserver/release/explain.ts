import { type ErrorCode, ServiceError } from '../../shared/errors.ts';
import { checkFields, injectedNames } from '../../shared/policy/injection/injection.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { type Explanation, Steps } from '../../shared/protocol/explanation.ts';
import type { Registry } from '../registry/registry.ts';
import { type Asked, judge, readSecret, type SecretSources } from './decision.ts';

export interface ExplainDependencies extends SecretSources {
  readonly registry: Pick<Registry, 'policy'>;
}

/** What refuses a call; all else means that nobody can say. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'grant_denied',
  'destination_denied',
  'type_not_found',
  'token_not_found',
  'token_expired',
  'integrity_failed',
]);

/** True for an error that is the end of a decision. */
export function isRefusal(error: unknown): error is ServiceError {
  return error instanceof ServiceError && refusals.has(error.code);
}

/**
 * Says what a release would come to, by the release's own steps, and gives out none of its fields.
 * Who has no grant for client and type gets the release's refusal itself, after the same work, so
 * that there is nothing to learn from it. @throws ServiceError
 */
export async function explain(
  dependencies: ExplainDependencies,
  asked: Asked,
): Promise<Explanation> {
  const { asker, grants } = asked;
  const steps = new Steps();
  steps.begin('authenticate');
  steps.tell({ app: asker.appId });
  try {
    const policy = await takeSteps(dependencies, asked, steps);
    return { app: asker.appId, steps: steps.taken, terms: { policy, grants: [...grants] } };
  } catch (error) {
    if (grants.length === 0 || !isRefusal(error)) throw error;
    steps.refuse(error);
    return { app: asker.appId, steps: steps.taken };
  }
}

/**
 * The decision, up to the injection that a proxy would fill; a direct app fills none.
 * @throws ServiceError; `steps` has what was begun
 */
export async function takeSteps(
  dependencies: ExplainDependencies,
  asked: Asked,
  steps: Steps,
): Promise<Policy> {
  const policy = judge(dependencies.registry, asked, steps);
  const { fields } = await readSecret(dependencies, asked, steps);
  if (asked.asker.proxyId === undefined) return policy;
  steps.begin('injection');
  checkFields(policy.injection, fields);
  steps.tell(injectedNames(policy.injection));
  return policy;
}
