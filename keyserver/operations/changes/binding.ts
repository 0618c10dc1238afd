import { matchingGrants } from '../../../shared/policy/grant.ts';
import type { Binding } from '../../../shared/protocol/messages.ts';
import type { AppDocument } from '../../at-rest/document-row.ts';
import { checkName } from '../documents.ts';
import { inputInvalid } from '../operation-error.ts';

/** Reads `CLIENT/TYPE`, spelled as behind `/forward/`. @throws OperationError input_invalid */
export function parseBinding(text: string): Binding {
  const names = text.split('/').map(decoded);
  const [clientId, tokenType] = names;
  if (clientId === undefined || tokenType === undefined || names.length !== 2) {
    throw inputInvalid(
      `${JSON.stringify(text)} is not CLIENT/TYPE`,
      'an example: shop-1/ozon-seller; a / in a name is %2F, and a % is %25',
    );
  }
  return checkedBinding({ clientId, tokenType });
}

/** @throws OperationError input_invalid */
export function checkedBinding(bound: Binding): Binding {
  checkName('client', bound.clientId);
  checkName('type', bound.tokenType);
  return bound;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Writes a binding so that {@link parseBinding} reads it. */
export function describeBinding({ clientId, tokenType }: Binding): string {
  return [clientId, tokenType].map((name) => name.replace(/[%/]/g, encodeURIComponent)).join('/');
}

/** The fault of a bound app whose calls no grant allows; undefined if some grant matches its binding. */
export function bindingFault(
  app: string,
  { bound, grants }: Pick<AppDocument, 'bound' | 'grants'>,
): string | undefined {
  if (bound === undefined || matchingGrants(grants, bound.clientId, bound.tokenType).length > 0)
    return undefined;
  return `the app ${JSON.stringify(app)} is bound to ${describeBinding(bound)}, which none of its grants matches`;
}
