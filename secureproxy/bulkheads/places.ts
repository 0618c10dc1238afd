import type { ServerResponse } from 'node:http';
import { ServiceError } from '../../shared/errors.ts';
import type { Deadline } from '../upstream/deadline.ts';
import { callerGone } from '../upstream/errors.ts';
import { Lanes } from './lanes.ts';
import {
  type Claim,
  type Claimants,
  count,
  type Lack,
  Shares,
  type SharesOptions,
} from './shares.ts';

/** Longer than a burst needs, shorter than callers wait before they retry. */
const maxWaitMs = 2000;
/** Maximum number of calls that start in one turn of the event loop, as in the queue before this one. */
const maxPerTurn = 32;
/** Maximum number of waiting calls, as a multiple of `max`: they are in memory. */
const maxWaitingByMax = 4;

interface WaitingCall {
  readonly start: () => void;
}

const rejections: Readonly<Record<Lack, () => ServiceError>> = {
  origin_connections: rejection(
    'origin_connections',
    'More calls to this origin at once than it is given connections.',
  ),
  app_share: rejection('app_share', "The app's other calls in progress use up its share."),
  client_share: rejection('client_share', "The client's other calls in progress use up its share."),
  origin_share: rejection(
    'origin_share',
    'Other calls in progress to this origin use up its share.',
  ),
  calls: rejection('calls', 'More calls at once than this service takes.'),
};

function rejection(reason: string, detail: string): () => ServiceError {
  return () => new ServiceError('overloaded', { reason, retryAfterSeconds: 1, detail });
}

/**
 * Gives calls their place: one of `max` in the process, and one of an origin's connections. A call that lacks one
 * waits up to two seconds, then is rejected with the share that it lacks. Apps take turns, and so do the clients and
 * origins of an app, so that nobody waits behind another's calls.
 */
export class Places {
  readonly shares: Shares;
  readonly #options: SharesOptions;
  readonly #lanes = new Lanes<WaitingCall>();
  #waiting = 0;
  #isTurnComing = false;

  constructor(options: SharesOptions) {
    this.#options = options;
    this.shares = new Shares(options);
  }

  /**
   * Takes a place until the response closes. Returns undefined if there is one, else a promise of the time that the
   * call had to wait, in milliseconds, which rejects if the wait is in vain.
   * @throws ServiceError overloaded, upstream_timeout; request_invalid if the caller is gone
   */
  take(claim: Claim, response: ServerResponse, deadline: Deadline): Promise<number> | undefined {
    if (response.closed) throw callerGone();
    const claimants = this.shares.claimants(claim);
    const lack = this.shares.lack(claimants, 1);
    if (lack === undefined && this.#waiting === 0) {
      this.#hold(claimants, response);
      return undefined;
    }
    const room = maxWaitingByMax * this.#options.max - this.#waiting;
    // The queue's room is shared like the places.
    if (claimants.app.waiting * 2 >= room) throw rejections[lack ?? 'calls']();
    const place = this.#wait(claim, claimants, response, deadline);
    // Behind those that wait and could start, too.
    if (lack === undefined) this.#askForTurn();
    return place;
  }

  #hold(claimants: Claimants, response: ServerResponse): void {
    count(claimants, 'held', 1);
    response.once('close', () => {
      count(claimants, 'held', -1);
      this.#askForTurn();
    });
  }

  #wait(
    claim: Claim,
    claimants: Claimants,
    response: ServerResponse,
    deadline: Deadline,
  ): Promise<number> {
    const { calls } = this.#options;
    const place = Promise.withResolvers<number>();
    const since = performance.now();
    const end = () => {
      clearTimeout(timer);
      deadline.pause();
      response.off('close', onClose);
      leave();
      this.#count(claimants, -1);
      calls.stepBack();
    };
    const start = () => {
      end();
      this.#hold(claimants, response);
      place.resolve(performance.now() - since);
    };
    const fail = (error: ServiceError) => {
      end();
      place.reject(error);
    };
    const onClose = () => fail(callerGone());
    const timer = setTimeout(() => {
      const lack = this.shares.lack(claimants, 0);
      if (lack === undefined) start();
      else fail(rejections[lack]());
    }, maxWaitMs);
    const leave = this.#lanes.add(claim, claimants, { start });
    this.#count(claimants, 1);
    calls.stepAside();
    response.once('close', onClose);
    deadline.begin('place', fail);
    return place.promise;
  }

  #count(claimants: Claimants, by: 1 | -1): void {
    count(claimants, 'waiting', by);
    this.#waiting += by;
  }

  #askForTurn(): void {
    if (this.#waiting === 0 || this.#isTurnComing) return;
    this.#isTurnComing = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnComing = false;
    let left = maxPerTurn;
    for (const { start } of this.#lanes.turns((one) => this.shares.lack(one, 0) === undefined)) {
      start();
      left -= 1;
      if (left > 0) continue;
      this.#askForTurn();
      return;
    }
  }
}
