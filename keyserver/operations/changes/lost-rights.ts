import {
  coveringPatterns,
  pathPatternCovers,
  patternCovers,
} from '../../../shared/policy/destination-cover.ts';
import { canonicalGrant } from '../../../shared/policy/grant-id.ts';
import { type Grant, methods } from '../../../shared/policy/schema.ts';

/**
 * The parts of grants that other grants do not allow: each has the methods that are lost for one of its
 * paths, or for all. Grants are looked up, since each of tens of thousands cannot be compared with each.
 */
export function lostRights(before: readonly Grant[], after: readonly Grant[]): Grant[] {
  const key = (grant: Grant) => JSON.stringify(canonicalGrant(grant));
  const left = new Set(after.map(key));
  const byClient = Map.groupBy(after, ({ client }) => client);
  return before.flatMap((grant) => {
    if (left.has(key(grant))) return [];
    const others = coveringPatterns(grant.client)
      .flatMap((client) => byClient.get(client) ?? [])
      .filter((other) => patternCovers(other.type, grant.type));
    return (grant.paths ?? [undefined]).flatMap((path) => {
      const lost = (grant.methods ?? methods).filter(
        (method) =>
          !others.some(
            (other) =>
              (other.methods?.includes(method) ?? true) &&
              (other.paths?.some(
                (pattern) => path !== undefined && pathPatternCovers(pattern, path),
              ) ??
                true),
          ),
      );
      if (lost.length === 0) return [];
      const isWhole = grant.methods === undefined && lost.length === methods.length;
      return [
        {
          client: grant.client,
          type: grant.type,
          ...(!isWhole && { methods: lost }),
          ...(path !== undefined && { paths: [path] }),
        },
      ];
    });
  });
}

/** A grant in one line: `client shop-*, type wildberries, GET, /v1/orders/*`. */
export function describeGrant({ client, type, methods: allowed, paths }: Grant): string {
  return [
    `client ${client}`,
    `type ${type}`,
    allowed?.join(' ') ?? 'all methods',
    paths?.join(' ') ?? 'all paths',
  ].join(', ');
}
