import type { FastifyRequest } from 'fastify';
import { sourceOf } from '../../shared/overload/fair-queue.ts';

/** Whose body it is: a known app's, or a stranger's at this address, as `sourceOf` names it. */
export type BodyOwner = { readonly app: string } | { readonly source: string };

/** A stranger if KeyServer accepted no key of the caller's own. */
export function bodyOwnerOf({
  isKnownCaller,
  logFields: { app },
  ip,
}: Pick<FastifyRequest, 'isKnownCaller' | 'logFields' | 'ip'>): BodyOwner {
  return isKnownCaller && app !== undefined ? { app } : { source: sourceOf(ip) };
}
