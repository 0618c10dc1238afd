import { createHash } from 'node:crypto';
import type { Grant } from '../../shared/policy/schema.ts';

const idCharacters = 8;

/**
 * Names a grant within its app: the start of base64url(SHA-256) of its canonical JSON, from the
 * first letter or digit on, since an argument that starts with - would be read as an option.
 */
export function grantId(grant: Grant): string {
  const canonical = JSON.stringify(canonicalGrant(grant));
  const digest = createHash('sha256').update(canonical).digest('base64url');
  return digest.replace(/^[-_]+/, '').slice(0, idCharacters);
}

/** The grant with its members in one order, and methods and paths sorted, each once. */
export function canonicalGrant({ client, type, methods: allowed, paths }: Grant): Grant {
  return {
    client,
    type,
    ...(allowed && { methods: sorted(allowed) }),
    ...(paths && { paths: sorted(paths) }),
  };
}

function sorted<T extends string>(values: readonly T[]): T[] {
  return [...new Set(values)].sort();
}
