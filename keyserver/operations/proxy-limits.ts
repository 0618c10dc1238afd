import { parseClientNames } from '../../shared/tls/client-names.ts';
import type { ProxyDocument } from '../at-rest/document-row.ts';
import { checkPattern } from './grants.ts';
import { inputInvalid } from './operation-error.ts';

/** The limits of a proxy; an empty list is no limit. */
export interface LimitRequest {
  readonly clients?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly certificateNames?: readonly string[] | undefined;
}

export type Limits = Omit<ProxyDocument, 'keys'>;

/** Validates requested limits. @throws OperationError input_invalid */
export function parseLimits({ clients, types, certificateNames }: LimitRequest): Limits {
  for (const pattern of clients ?? []) checkPattern('client', pattern);
  for (const pattern of types ?? []) checkPattern('type', pattern);
  const names = certificateNames?.map(parseCertificateName);
  return {
    ...(clients?.length && { clients: sorted(clients) }),
    ...(types?.length && { types: sorted(types) }),
    ...(names?.length && { certificateNames: sorted(names) }),
  };
}

function parseCertificateName(text: string): string {
  const [name, ...others] = parseClientNames(text);
  if (name !== undefined && others.length === 0 && !name.includes('*')) return name;
  throw inputInvalid(
    `${JSON.stringify(text)} is not the name of a certificate`,
    'a name is a DNS name, such as proxy-1.example.com, or a URI, without patterns',
  );
}

function sorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
