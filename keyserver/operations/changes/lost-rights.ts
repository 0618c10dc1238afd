import { pathPatternCovers, patternCovers } from '../../../shared/policy/destination-cover.ts';
import { type Grant, methods } from '../../../shared/policy/schema.ts';

/**
 * The parts of grants that other grants do not allow: each has the methods that are lost for one of its
 * paths, or for all.
 */
export function lostRights(before: readonly Grant[], after: readonly Grant[]): Grant[] {
  return before.flatMap((grant) => {
    const others = after.filter(
      (other) => patternCovers(other.client, grant.client) && patternCovers(other.type, grant.type),
    );
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
