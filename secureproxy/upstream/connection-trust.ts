import type { Policy } from '../../shared/policy/schema.ts';
import { certificateBlocks } from '../../shared/tls/pem.ts';

type Trust = Pick<Policy, 'unsafeAllowPrivate' | 'ca'>;

/**
 * True if a connection that `before` allowed would be allowed now, whatever its address and certificate: every private
 * block and every CA is still there. Without a CA of its own a type trusts the public ones.
 */
export function trustsStill(before: Trust, now: Trust): boolean {
  const blocks = new Set(now.unsafeAllowPrivate);
  if (!(before.unsafeAllowPrivate ?? []).every((block) => blocks.has(block))) return false;
  if (before.ca === undefined || now.ca === undefined) return before.ca === now.ca;
  const authorities = new Set(certificateBlocks(now.ca));
  return certificateBlocks(before.ca).every((authority) => authorities.has(authority));
}
