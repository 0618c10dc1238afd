import type { FastifyRequest } from 'fastify';
import type { BodyBudget } from './body-budget.ts';
import { bodyOwnerOf } from './body-owner.ts';
import { receiveBody } from './receive-body.ts';

/** Bodies that are read for what is in them are short: one with an app key, a token request. */
export const maxShortBytes = 64 * 1024;

/** Receives the body of a request whose route passes bodies on. @throws ServiceError body_too_large, overloaded */
export function receiveShortBody(budget: BodyBudget, request: FastifyRequest): Promise<Buffer> {
  const receiver = { budget, limitBytes: maxShortBytes };
  const received = Promise.withResolvers<Buffer>();
  request.giveBodyBack = receiveBody(
    receiver,
    bodyOwnerOf(request),
    request.raw,
    (error, bytes) => {
      if (bytes === undefined) received.reject(error);
      else received.resolve(bytes);
    },
  );
  return received.promise;
}
