import { isUnlimited, pathPatternFault } from '../../shared/policy/grant.ts';
import { canonicalGrant, grantId } from '../../shared/policy/grant-id.ts';
import { type Grant, type Method, methods, type Policy } from '../../shared/policy/schema.ts';
import type { AppDocument } from '../at-rest/document-row.ts';
import type { OperationContext } from './context.ts';
import { changeDocument, checkName, contentOf, listDocuments } from './documents.ts';
import { inputInvalid, OperationError } from './operation-error.ts';

/** A requested grant, not yet validated. */
export interface GrantRequest {
  readonly client: string;
  readonly type: string;
  readonly methods?: readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
}

/** Validates a requested grant. @throws OperationError input_invalid */
export function parseGrant(request: GrantRequest): Grant {
  checkPattern('client', request.client);
  checkPattern('type', request.type);
  for (const path of request.paths ?? []) {
    const fault = pathPatternFault(path);
    if (fault === undefined) continue;
    throw inputInvalid(
      `the path ${JSON.stringify(path)} ${fault}`,
      'examples: /v1/orders/*, https://api.example.com/v1/stocks',
    );
  }
  return canonicalGrant({
    client: request.client,
    type: request.type,
    ...(request.methods?.length && { methods: request.methods.map(parseMethod) }),
    ...(request.paths?.length && { paths: [...request.paths] }),
  });
}

/** Reads a method in any case. @throws OperationError input_invalid */
export function parseMethod(text: string): Method {
  const method = methods.find((candidate) => candidate === text.toUpperCase());
  if (method !== undefined) return method;
  throw inputInvalid(
    `${JSON.stringify(text)} is not an allowed method`,
    `methods are ${methods.join(', ')}`,
  );
}

/** @throws OperationError input_invalid */
export function checkPattern(what: string, pattern: string): void {
  if (pattern === '*') return;
  const prefix = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
  checkName(what, prefix);
  if (!prefix.includes('*')) return;
  throw inputInvalid(
    `the ${what} pattern ${JSON.stringify(pattern)} may have only one *, at its end`,
    'a pattern is an exact name, or a prefix with * at its end',
  );
}

/**
 * Gives an app a grant. Resolves to the grant's id, and to whether it was `added`: an equal one
 * changes nothing. @throws OperationError not_found, integrity_failed, input_invalid
 */
export async function addGrant(context: OperationContext, appId: string, request: GrantRequest) {
  const grant = parseGrant(request);
  const type = (await listDocuments(context, 'type')).find((one) => one.id === grant.type);
  const fault = routedFault(grant, grant.type, type?.content);
  if (fault !== undefined) throw inputInvalid(fault, 'give it neither methods nor paths');
  const id = grantId(grant);
  let added = false;
  let direct = false;
  await changeDocument(context, 'app', appId, (current) => {
    const app = contentOf('app', appId, current);
    direct = app.direct === true;
    added = !app.grants.some((existing) => grantId(existing) === id);
    return added ? { ...app, grants: [...app.grants, grant] } : 'unchanged';
  });
  return { id, grant, added, direct };
}

/** Why a grant with methods or paths allows no call of a type; undefined if it may. */
export function routedFault(
  grant: Grant,
  type: string,
  policy: Policy | undefined,
): string | undefined {
  if (!policy?.routedBy?.body || isUnlimited(grant)) return undefined;
  return `bodies select the operation of the type ${JSON.stringify(type)}, so a grant with methods or paths allows none of its calls`;
}

/** The grant of an app that has this id. @throws OperationError not_found */
export function grantOf(appId: string, { grants }: AppDocument, id: string): Grant {
  const grant = grants.find((one) => grantId(one) === id);
  if (grant !== undefined) return grant;
  throw new OperationError(
    'not_found',
    `the app ${JSON.stringify(appId)} has no grant ${JSON.stringify(id)}`,
    { do: 'list_grants', app: appId },
  );
}
