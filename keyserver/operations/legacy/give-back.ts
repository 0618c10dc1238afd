import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { examineLegacyRow, type LegacyKey } from '../../../shared/crypto/legacy-row.ts';
import { tokenRowKid } from '../../../shared/crypto/token-row.ts';
import { jsonFields } from '../../at-rest/legacy-fields.ts';
import { openSecret, type Secret } from '../../at-rest/secret.ts';
import { tryOpen } from '../../at-rest/try-open.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type { PlacedToken } from '../../store/store.ts';
import { isStoreError } from '../../store/store-error.ts';
import type { Progress } from '../bulk/progress.ts';
import type { OperationContext } from '../context.ts';
import { checkServesLegacyRows } from '../keys/check-loaded.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import { legacyKeyIn } from './check.ts';
import { type Left, swapInPasses } from './passes.ts';

/**
 * Gives rows that were taken over the bytes that the earlier system wrote, from the copy. A row whose secret was stored
 * since is left. Like taking over, it can be cut off at any point and repeated, beside calls.
 * @throws ConfigError without the earlier system's key; OperationError input_invalid or not_confirmed unless such rows are served, not_found without a copy
 */
export async function giveBack(
  context: OperationContext,
  progress: Progress,
  pause: (ms: number) => Promise<unknown> = sleep,
) {
  const { store, keyring } = context;
  const legacyKey = legacyKeyIn(context);
  if (!context.servesLegacyRows) {
    throw inputInvalid(
      'UNSAFE_LEGACY_ROWS is not set, so calls would fail once their rows are given back',
      'set it for every KeyServer, restart them, and set it here',
    );
  }
  await checkServesLegacyRows(context);
  const { swapped, ...rest } = await swapInPasses(store, {
    keepsOld: false,
    pause,
    begin: async () => async (page, left) => {
      const sealed = page.filter(({ token }) => tokenRowKid(token) !== undefined);
      const copies = await copiesOf(context, sealed);
      return sealed.flatMap((row, i) => {
        const copy = copies[i];
        const fault = faultOf(row, copy, keyring, legacyKey);
        if (fault !== undefined) left.add(row, fault);
        return fault === undefined && copy !== undefined ? [{ row, token: copy }] : [];
      });
    },
    onSwapped: (restored) => progress('given back', restored),
  });
  return { restored: swapped, ...rest };
}

async function copiesOf({ store }: OperationContext, rows: readonly PlacedToken[]) {
  if (rows.length === 0) return [];
  try {
    return await store.copiedTokens(rows);
  } catch (error) {
    if (!isStoreError(error, 'table_missing')) throw error;
    throw new OperationError(
      'not_found',
      'there is no copy of the rows as they were, so none was taken over',
      'nothing was changed',
    );
  }
}

function faultOf(
  row: PlacedToken,
  copy: string | undefined,
  keyring: Keyring,
  legacyKey: LegacyKey,
): Left | undefined {
  if (copy === undefined) return { reason: 'new', fault: 'was stored after the takeover' };
  const secret = tryOpen(() => openSecret(keyring, row));
  if (secret === undefined) return { reason: 'key', fault: 'does not open' };
  const opened = examineLegacyRow(copy, legacyKey);
  if ('text' in opened && isSame(secret, opened.text)) return undefined;
  return { reason: 'changed', fault: 'holds another secret than the copy' };
}

/** Whether the earlier system's text became this secret, whole or split. */
function isSame({ fields, expiresAt }: Secret, text: string): boolean {
  const isTaken = [{ token: text }, jsonFields(text)].some((taken) =>
    isDeepStrictEqual({ ...fields }, taken && { ...taken }),
  );
  return isTaken && expiresAt === undefined;
}
