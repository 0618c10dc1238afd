import type { Clock } from '../../../../shared/clock.ts';
import { keyFingerprint } from '../../../../shared/crypto/caller-key.ts';
import type { CallerKey } from '../../../at-rest/document-row.ts';
import { hasKeyExpired } from '../../../release/callers.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';

/** Keys as `--json` shows them. */
export function shownKeys(keys: readonly CallerKey[]) {
  return keys.map(({ hash, createdAt, expiresAt }) => ({
    fingerprint: keyFingerprint(hash),
    createdAt,
    expiresAt: expiresAt ?? null,
  }));
}

export function describeKeys(keys: readonly CallerKey[], clock: Clock): string {
  if (keys.length === 0) return 'none';
  const end = (key: CallerKey) =>
    key.expiresAt && ` ${hasKeyExpired(key, clock) ? 'ended' : 'until'} ${key.expiresAt}`;
  return keys
    .map((key) => `${keyFingerprint(key.hash)} of ${key.createdAt}${end(key) ?? ''}`)
    .join(', ');
}

export interface KeyFilter {
  readonly key?: string;
}

export function addKeyFilter(command: AdminCommand): AdminCommand {
  return command.option('--key <fingerprint>', 'only the one with this key, as logs name it');
}
