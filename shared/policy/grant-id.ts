import { createHash } from 'node:crypto';
import type { Grant } from './schema.ts';

const idCharacters = 8;

/**
 * Returns the id of a grant within its app: the start of base64url(SHA-256) of its canonical JSON, without
 * leading - and _, because an argument that starts with - would be parsed as an option.
 */
export function grantId(grant: Grant): string {
  const canonical = JSON.stringify(canonicalGrant(grant));
  const digest = createHash('sha256').update(canonical).digest('base64url');
  return digest.replace(/^[-_]+/, '').slice(0, idCharacters);
}

/** Returns the grant with its members in a fixed order, and methods and paths sorted without duplicates. */
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
