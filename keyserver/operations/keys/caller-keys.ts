import { keyFingerprint } from '../../../shared/crypto/caller-key.ts';
import type { AppDocument, CallerKey, ProxyDocument } from '../../at-rest/document-row.ts';
import { hasKeyExpired } from '../../release/callers.ts';
import type { CallerKind } from '../callers.ts';
import type { OperationContext, ReadContext } from '../context.ts';
import {
  changeDocument,
  checkAllOpen,
  contentOf,
  type FoundDocument,
  listDocuments,
  readDocument,
} from '../documents.ts';
import { OperationError } from '../operation-error.ts';

/** The days of the last use of callers' keys, by hash. */
export async function lastUses({ store }: ReadContext): Promise<ReadonlyMap<string, string>> {
  return new Map((await store.keyUses()).map(({ hash, day }) => [hash, day]));
}

/** A caller with its keys, in the order in which they were made. @throws OperationError not_found, integrity_failed */
export async function showCaller(
  context: ReadContext,
  kind: CallerKind,
  id: string,
): Promise<{ document: AppDocument | ProxyDocument; keys: UsedKey[] }> {
  const document = await readDocument(context, kind, id);
  const uses = await lastUses(context);
  return { document, keys: document.keys.map((key) => usedKey(context, uses, key)) };
}

/**
 * All callers, or those with the key that a log names.
 * @throws OperationError not_found with all that is known of it, integrity_failed
 */
export async function listCallers<K extends CallerKind>(
  context: ReadContext,
  kind: K,
  fingerprint?: string,
): Promise<FoundDocument<K>[]> {
  const all = await listDocuments(context, kind);
  if (fingerprint === undefined) return all;
  const hasKey = ({ content }: FoundDocument<K>) =>
    content?.keys.some(({ hash }) => keyFingerprint(hash) === fingerprint);
  const owners = all.filter(hasKey);
  if (owners.length > 0) return owners;
  checkAllOpen(kind, all);
  // Days of use outlive the keys, be they of apps or proxies.
  const uses = [...(await lastUses(context))];
  const day = uses.find(([hash]) => keyFingerprint(hash) === fingerprint)?.[1];
  throw new OperationError(
    'not_found',
    `no ${kind} has the key ${JSON.stringify(fingerprint)}` +
      (day === undefined
        ? ', and no use of it is known: it may be of another installation'
        : `; one that was last used on ${day} was revoked or replaced since`),
    { do: 'list', kind },
  );
}

/** Its last use is a day in UTC, null if none is known: a hint, since others may write to the database. */
function usedKey({ clock }: ReadContext, uses: ReadonlyMap<string, string>, key: CallerKey) {
  return {
    fingerprint: keyFingerprint(key.hash),
    createdAt: key.createdAt,
    expiresAt: key.expiresAt ?? null,
    works: !hasKeyExpired(key, clock),
    lastUsed: uses.get(key.hash) ?? null,
  };
}
export type UsedKey = ReturnType<typeof usedKey>;

/** The keys that {@link endOverlap} would end: those that still work beside one without an end. */
export function overlapping(keys: readonly UsedKey[]): UsedKey[] {
  if (!keys.some(({ expiresAt }) => expiresAt === null)) return [];
  return keys.filter(({ expiresAt, works }) => expiresAt !== null && works);
}

/** True if a key was used today or yesterday, so that somebody may still have it. */
export function isUsedStill({ lastUsed }: UsedKey, nowMs: number): boolean {
  const dayMs = 86_400_000;
  return lastUsed !== null && Date.parse(lastUsed) >= (Math.floor(nowMs / dayMs) - 1) * dayMs;
}

/**
 * Ends at once the old keys that a rotation lets work still. Resolves to their number; 0 if there is none.
 * @throws OperationError not_found, integrity_failed
 */
export async function endOverlap(
  context: OperationContext,
  kind: CallerKind,
  id: string,
): Promise<number> {
  let ended = 0;
  await changeDocument(context, kind, id, (current) => {
    const content = contentOf(kind, id, current);
    const keys = content.keys.filter(({ expiresAt }) => expiresAt === undefined);
    ended = content.keys.length - keys.length;
    if (keys.length === 0 || ended === 0) {
      ended = 0;
      return 'unchanged';
    }
    return { ...content, keys };
  });
  return ended;
}
