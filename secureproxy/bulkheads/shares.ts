import type { CallsInProgress } from '../../shared/overload/call-queue.ts';
import { Holder, Holders, Origin } from './holders.ts';

/** A call's request for a place: the name of its app, and once the call is judged, of its client and origin. */
export interface Claim {
  readonly app: string;
  readonly target?: Target;
}

interface Target {
  readonly client: string;
  readonly origin: string;
  /** The wildcard host that stands for the origin's in metrics, if a wildcard allows it. */
  readonly wildcard?: string | undefined;
}

/** All that a call counts for. */
export interface Claimants {
  readonly app: Holder;
  /** Undefined before the call is judged. */
  readonly target: TargetClaimants | undefined;
}

interface TargetClaimants {
  readonly client: Holder;
  readonly origin: Origin;
  readonly appThere: Holder;
  readonly clientThere: Holder;
}

/** The share that a call lacks; a reason of `overloaded`. */
export type Lack = 'origin_connections' | 'app_share' | 'client_share' | 'origin_share' | 'calls';

export interface SharesOptions {
  /** Maximum number of calls in progress. */
  readonly max: number;
  /** Maximum number of calls in progress to one origin. */
  readonly connections: number;
  readonly calls: CallsInProgress;
}

/**
 * Counts the calls in progress of each app, client and origin. While a quarter of all places is free, anybody may
 * take one; of the last quarter, nobody may hold half as many as are free. So those who hold few always find some
 * left, whatever others do (the dynamic threshold of shared buffers: Choudhury and Hahne, 1998).
 */
export class Shares {
  readonly apps = new Holders(() => new Holder());
  readonly origins = new Holders(() => new Origin());
  readonly #options: SharesOptions;
  readonly #clients = new Holders(() => new Holder());

  constructor(options: SharesOptions) {
    this.#options = options;
  }

  claimants({ app, target }: Claim): Claimants {
    return { app: this.apps.get(app), target: target && this.#claimantsThere(app, target) };
  }

  #claimantsThere(app: string, { client, origin: name, wildcard }: Target): TargetClaimants {
    const origin = this.origins.get(name);
    origin.wildcard = wildcard;
    return {
      client: this.#clients.get(client),
      origin,
      appThere: origin.apps.get(app),
      clientThere: origin.clients.get(client),
    };
  }

  /**
   * @param own 1 if the call is counted as in progress already, else 0
   * @param hasApp whether it counts for its app already
   */
  lack({ app, target }: Claimants, own: 0 | 1, hasApp: boolean): Lack | undefined {
    const free = this.#options.calls.free + own;
    return (
      (hasApp ? undefined : this.#lackOfApp(app, free)) ??
      (target === undefined ? undefined : this.#lackThere(target, free))
    );
  }

  #lackOfApp(app: Holder, free: number): Lack | undefined {
    if (free <= 0) return 'calls';
    return isScarce(free, this.#options.max) && isBeyondShare(app, free) ? 'app_share' : undefined;
  }

  #lackThere(
    { client, origin, appThere, clientThere }: TargetClaimants,
    free: number,
  ): Lack | undefined {
    const { max, connections } = this.#options;
    const unused = connections - origin.held;
    if (unused <= 0) return 'origin_connections';
    if (isScarce(unused, connections)) {
      if (isBeyondShare(appThere, unused)) return 'app_share';
      if (isBeyondShare(clientThere, unused)) return 'client_share';
    }
    if (!isScarce(free, max)) return undefined;
    if (isBeyondShare(client, free)) return 'client_share';
    return isBeyondShare(origin, free) ? 'origin_share' : undefined;
  }
}

function isScarce(free: number, all: number): boolean {
  return free * 4 < all;
}

function isBeyondShare({ held }: Holder, free: number): boolean {
  return held * 2 >= free;
}

/** Counts a call, or no longer, as held by all its claimants or as waiting. */
export function count({ app, target }: Claimants, as: keyof Holder, by: 1 | -1): void {
  app[as] += by;
  if (target === undefined) return;
  const { client, origin, appThere, clientThere } = target;
  client[as] += by;
  origin[as] += by;
  appThere[as] += by;
  clientThere[as] += by;
}
