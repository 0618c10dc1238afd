import type { AnnouncedChange } from '../../shared/protocol/change-messages.ts';
import type { Change } from '../store/store.ts';
import type { Difference } from './document-loader.ts';

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

/**
 * The changed documents that no row announces, under `seq`. A row has the number that other KeyServers' releases are
 * compared with, but no MAC: a lower number than the document's revision, which has one, is forged. A document that is
 * gone has no revision, so it is announced under its row's number and under `seq`.
 */
export function unlisted(
  changed: readonly Difference[],
  rows: readonly Change[],
  seq: number,
): AnnouncedChange[] {
  const nameOf = ({ kind, id }: Pick<AnnouncedChange, 'kind' | 'id'>) => `${kind} ${id}`;
  const listed = new Map(rows.map((row) => [nameOf(row), row.seq]));
  return changed
    .filter((one) => (listed.get(nameOf(one)) ?? -1) < (one.revision ?? seq))
    .map(({ kind, id }) => ({ seq, kind, id }));
}
