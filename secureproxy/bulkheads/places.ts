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
/** Maximum number of calls that start, or are rejected, in one turn of the event loop: a call of another app takes several. */
const maxPerTurn = 8;
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
  calls: rejection('calls', 'Too many calls are in progress; try again.'),
};

function rejection(reason: string, detail: string): () => ServiceError {
  return () => new ServiceError('overloaded', { reason, retryAfterSeconds: 1, detail });
}

/** A call's place: what it counts for until its response closes. */
export interface Place {
  readonly response: ServerResponse;
  readonly deadline: Deadline;
  /** Undefined if it counts for nothing, as while it waits. */
  held: Claimants | undefined;
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
  /** Ends of waits whose time is over: a burst's are over at once, and rejections cost time. */
  readonly #overdue = new Set<() => void>();
  #waiting = 0;
  #isTurnComing = false;

  constructor(options: SharesOptions) {
    this.#options = options;
    this.shares = new Shares(options);
    // After any call, since one that failed before it had a place was in progress, too.
    options.calls.onLeave(() => this.#askForTurn());
  }

  /** Makes a place, which counts for nothing yet. @throws ServiceError request_invalid if the caller is gone */
  open(response: ServerResponse, deadline: Deadline): Place {
    if (response.closed) throw callerGone();
    const place: Place = { response, deadline, held: undefined };
    response.on('close', () => this.#hold(place, undefined));
    return place;
  }

  /**
   * Has a place count for its app, and once the call is judged, for its client and origin, too. Returns undefined if
   * there is room, else a promise of the time that the call had to wait, in milliseconds, which rejects if the wait is
   * in vain.
   * @throws ServiceError overloaded, upstream_timeout; request_invalid if the caller is gone
   */
  take(place: Place, claim: Claim): Promise<number> | undefined {
    if (place.response.closed) throw callerGone();
    const claimants = this.shares.claimants(claim);
    const hasApp = place.held?.app === claimants.app;
    const lack = this.shares.lack(claimants, 1, hasApp);
    if (lack === undefined && !this.#isBehind(claimants, hasApp)) {
      this.#hold(place, claimants);
      return undefined;
    }
    const room = maxWaitingByMax * this.#options.max - this.#waiting;
    // The queue's room is shared like the places.
    if (claimants.app.waiting * 2 >= room) throw rejections[lack ?? 'calls']();
    return this.#wait(place, claim, claimants);
  }

  /** True if calls wait that this one must not pass: of its app, or for connections to its origin. */
  #isBehind({ app, target }: Claimants, hasApp: boolean): boolean {
    return (!hasApp && app.waiting > 0) || (target !== undefined && target.origin.waiting > 0);
  }

  #hold(place: Place, claimants: Claimants | undefined): void {
    if (place.held !== undefined) count(place.held, 'held', -1);
    if (claimants !== undefined) count(claimants, 'held', 1);
    place.held = claimants;
  }

  #wait(place: Place, claim: Claim, claimants: Claimants): Promise<number> {
    const { calls } = this.#options;
    const { response, deadline } = place;
    const waited = Promise.withResolvers<number>();
    const since = performance.now();
    const end = () => {
      clearTimeout(timer);
      this.#overdue.delete(timeOut);
      deadline.pause();
      response.off('close', onClose);
      leave();
      this.#count(claimants, -1);
      calls.stepBack();
    };
    const start = () => {
      end();
      this.#hold(place, claimants);
      waited.resolve(performance.now() - since);
    };
    const fail = (error: ServiceError) => {
      end();
      waited.reject(error);
    };
    const onClose = () => fail(callerGone());
    const timeOut = () => {
      const lack = this.shares.lack(claimants, 0, false);
      if (lack === undefined) start();
      else fail(rejections[lack]());
    };
    const timer = setTimeout(() => this.#putOff(timeOut), maxWaitMs);
    const leave = this.#lanes.add(claim, claimants, { start });
    this.#hold(place, undefined);
    this.#count(claimants, 1);
    // For others, which may take what it gave up, or itself, if it is only behind those that could start.
    calls.stepAside();
    response.once('close', onClose);
    deadline.begin('place', fail);
    return waited.promise;
  }

  #putOff(timeOut: () => void): void {
    if (this.#overdue.size === 0) setImmediate(() => this.#timeOutSome());
    this.#overdue.add(timeOut);
  }

  #timeOutSome(): void {
    for (const timeOut of [...this.#overdue].slice(0, maxPerTurn)) timeOut();
    if (this.#overdue.size > 0) setImmediate(() => this.#timeOutSome());
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
    const mayStart = (one: Claimants) => this.shares.lack(one, 0, false) === undefined;
    for (const { start } of this.#lanes.turns(mayStart)) {
      start();
      left -= 1;
      if (left > 0) continue;
      this.#askForTurn();
      return;
    }
  }
}
