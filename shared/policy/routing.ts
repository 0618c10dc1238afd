import { isUnlimited } from './grant.ts';
import { nameMatcher, parameterNames } from './parameters/names.ts';
import type { Grant, Policy } from './schema.ts';
import type { TargetUrl } from './url.ts';
import { allow, refuse, type Verdict } from './verdict.ts';

const useAnother = 'use a grant without methods and paths';

/**
 * Judges by which grant a call may be made whose query or body selects the operation: methods and paths of grants say
 * nothing of such a call then, so that one without them is required. An approval has the grant that counts.
 * @param granted one of `grants`, which allows method and path
 */
export function judgeRouting(
  { routedBy }: Pick<Policy, 'routedBy'>,
  grants: readonly Grant[],
  granted: Grant,
  { search }: Pick<TargetUrl, 'search'>,
): Verdict<Grant> {
  if (routedBy === undefined || isUnlimited(granted)) return allow(granted);
  const { query, body } = routedBy;
  if (body) {
    const what = 'The body of a call of this type selects the operation';
    return findUnlimited(grants, 'routed_body', `${what}: ${useAnother}.`);
  }
  if (query === undefined || !hasParameter(search.slice(1), query)) return allow(granted);
  const what = `The query has a parameter (${query.join(', ')}) that selects the operation`;
  return findUnlimited(grants, 'routed_query', `${what}: leave it out, or ${useAnother}.`);
}

/** A body that some server takes for a form: its text if it is known and urlencoded for all servers. */
export interface FormBody {
  readonly text: string | undefined;
}

/** {@link judgeRouting} by a body. @param readForm undefined if no server takes the body for a form */
export function judgeForm(
  { routedBy }: Pick<Policy, 'routedBy'>,
  grants: readonly Grant[],
  granted: Grant,
  readForm: () => FormBody | undefined,
): Verdict<Grant> {
  const names = routedBy?.form;
  if (names === undefined || isUnlimited(granted)) return allow(granted);
  const form = readForm();
  if (form === undefined || (form.text !== undefined && !hasParameter(form.text, names))) {
    return allow(granted);
  }
  const [what, instead] =
    form.text === undefined
      ? ['The body may be a form with a member', 'send another type, such as JSON']
      : ['The form has a member', 'leave it out'];
  const selects = `${what} (${names.join(', ')}) that selects the operation`;
  return findUnlimited(grants, 'routed_form', `${selects}: ${instead}, or ${useAnother}.`);
}

function hasParameter(text: string, names: readonly string[]): boolean {
  return parameterNames(text).some(nameMatcher(names));
}

function findUnlimited(grants: readonly Grant[], reason: string, detail: string): Verdict<Grant> {
  const grant = grants.find(isUnlimited);
  return grant === undefined ? refuse('grant_denied', reason, detail) : allow(grant);
}
