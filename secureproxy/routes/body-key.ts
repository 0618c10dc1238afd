import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { nextBatch } from '../../shared/event-loop.ts';
import { FairQueue, type FairQueueOptions, sourceOf } from '../../shared/overload/fair-queue.ts';
import { KeyedBody, type Search, searchFor } from '../body-keys/keyed-body.ts';
import type { BodyBudget } from '../receipt/body-budget.ts';
import { bodyOwnerOf } from '../receipt/body-owner.ts';
import { maxShortBytes, receiveShortBody } from '../receipt/receive-short-body.ts';
import { oneAppKey } from './app-key.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body, if the app key was found there. */
    keyedBody: KeyedBody | null;
  }
}

/** One body a turn of the event loop, so that known callers' work goes on between them. */
const searching: FairQueueOptions = {
  maxRunning: 1,
  maxWaiting: 256,
  queueTimeoutMs: 1500,
  minHoldMs: 0,
  rejection: () =>
    new ServiceError('overloaded', {
      reason: 'unknown_callers',
      retryAfterSeconds: 1,
      detail: 'Too many bodies that may have an app key; try again, or send the key in a header.',
    }),
};

/** Finds app keys in bodies of strangers, whose memory and time for that are bounded. */
export class BodyKeys {
  readonly #budget: BodyBudget;
  readonly #turns = new FairQueue(searching);

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /**
   * Finds the app key of a request that has none in headers and query. Its body is received for that if it is JSON or a
   * form that announces up to 64 KiB; nothing is received of any other.
   * @throws ServiceError
   */
  async find(request: FastifyRequest): Promise<string | null> {
    const search = searchOf(request.raw);
    if (search === undefined) return null;
    const bytes = await receiveShortBody(this.#budget, request);
    return this.#turns.run(sourceOf(request.ip), async () => {
      await nextBatch();
      const places = search(bytes);
      const appKey = oneAppKey(new Set(places.flatMap(({ keys }) => keys)));
      if (appKey !== null) request.keyedBody = new KeyedBody(bytes, places);
      return appKey;
    });
  }

  /**
   * Counts a body with a known caller's key for its app, no longer for strangers.
   * @throws ServiceError overloaded if there is no room
   */
  countForApp(request: FastifyRequest, { raw }: FastifyReply): void {
    const { keyedBody, isKnownCaller } = request;
    // Once the reply is closed, nothing gives bytes back.
    if (keyedBody === null || !isKnownCaller || raw.closed || raw.destroyed) return;
    const owner = bodyOwnerOf(request);
    const { length } = keyedBody.bytes;
    request.giveBodyBack?.();
    request.giveBodyBack = null;
    this.#budget.take(owner, length);
    const giveBack = () => this.#budget.give(owner, length);
    request.giveBodyBack = giveBack;
  }
}

/** The search that a request's body is fit for, if it is. */
function searchOf({ headers }: IncomingMessage): Search | undefined {
  const { 'content-length': length = 0, 'transfer-encoding': transferCoding } = headers;
  if (transferCoding !== undefined || headers['content-encoding'] !== undefined) return undefined;
  const isShort = Number(length) > 0 && Number(length) <= maxShortBytes;
  return isShort ? searchFor(headers['content-type'] ?? '') : undefined;
}
