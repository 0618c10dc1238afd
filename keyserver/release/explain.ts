import { type ErrorCode, ServiceError } from '../../shared/errors.ts';
import { checkFields, injectedNames } from '../../shared/policy/injection/injection.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { type Explanation, Steps } from '../../shared/protocol/explanation.ts';
import type { Registry } from '../registry/registry.ts';
import { judge, readSecret, type SecretSources, type TokenQuery } from './decision.ts';

export interface ExplainDependencies extends SecretSources {
  readonly registry: Pick<Registry, 'policy'>;
}

/** Codes of errors that reject a call; any other error means that no decision could be made. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'grant_denied',
  'destination_denied',
  'type_not_found',
  'token_not_found',
  'token_expired',
  'integrity_failed',
]);

export function isRefusal(error: unknown): error is ServiceError {
  return error instanceof ServiceError && refusals.has(error.code);
}

/**
 * Explains the decision of a release by taking the same steps; never returns the token's fields. An app
 * without a grant for client and type gets the same error as from a release, after the same work, so that it
 * learns nothing. @throws ServiceError
 */
export async function explain(
  dependencies: ExplainDependencies,
  query: TokenQuery,
): Promise<Explanation> {
  const { requester, grants } = query;
  const steps = new Steps();
  steps.begin('authenticate');
  steps.record({ app: requester.appId });
  try {
    const policy = await takeSteps(dependencies, query, steps);
    return { app: requester.appId, steps: steps.taken, terms: { policy, grants: [...grants] } };
  } catch (error) {
    if (grants.length === 0 || !isRefusal(error)) throw error;
    steps.reject(error);
    return { app: requester.appId, steps: steps.taken };
  }
}

/**
 * Takes the steps of a decision, up to the injection. A direct app has none: no proxy injects its token.
 * @throws ServiceError; `steps` has the steps that were begun
 */
export async function takeSteps(
  dependencies: ExplainDependencies,
  query: TokenQuery,
  steps: Steps,
): Promise<Policy> {
  const { policy, isPlain } = judge(dependencies.registry, query, steps);
  const { fields } = await readSecret(dependencies, query, policy, steps);
  if (query.requester.proxyId === undefined) return policy;
  steps.begin('injection');
  checkFields(policy.injection, fields);
  steps.record(isPlain ? { headers: [], query: [] } : injectedNames(policy.injection));
  return policy;
}
