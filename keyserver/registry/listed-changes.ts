import type { AnnouncedChange } from '../../shared/protocol/change-messages.ts';
import type { Change } from '../store/store.ts';

/** The changes after `from`, up to and including `to`; undefined if one of them is missing. */
export function completeRange(
  changes: readonly Change[],
  from: number,
  to: number,
): readonly Change[] | undefined {
  const wanted = changes.slice(0, Math.max(0, to - from));
  const isComplete = to > from && wanted.length === to - from;
  return isComplete && wanted.every(({ seq }, i) => seq === from + 1 + i) ? wanted : undefined;
}

/** The changed documents that no row names. A row has the number that other KeyServers' releases are compared with. */
export function unlisted(changed: AnnouncedChange[], rows: readonly Change[]): AnnouncedChange[] {
  const nameOf = ({ kind, id }: AnnouncedChange) => `${kind} ${id}`;
  const named = new Set(rows.map(nameOf));
  return changed.filter((one) => !named.has(nameOf(one)));
}
