import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';

/** Rejects every request of a page in a user's browser, its own included: no page needs KeyServer. */
export function refusePages(
  { headers }: FastifyRequest,
  _reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  if (headers.origin === undefined) {
    done();
    return;
  }
  done(
    new ServiceError('request_invalid', {
      reason: 'cross_site',
      detail: 'KeyServer takes no requests with Origin: pages may not call it.',
    }),
  );
}
