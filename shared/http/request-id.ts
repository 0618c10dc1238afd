import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { containsCallerKey } from '../crypto/caller-key.ts';

/** A caller's request id is used only in this form, because logs and answers contain it. */
const pattern = /^[\w.-]{1,64}$/;

export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  const isUsed = typeof given === 'string' && pattern.test(given) && !containsCallerKey(given);
  return isUsed ? given : randomUUID();
}
