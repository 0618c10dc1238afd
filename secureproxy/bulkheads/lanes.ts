import type { Claim, Claimants } from './shares.ts';

/**
 * The calls of one app for one client to one origin, or those that are not judged yet, in order of arrival: none can
 * start before the others.
 */
interface Lane<W> {
  readonly claimants: Claimants;
  readonly calls: Set<W>;
}

/** Calls that wait, by app and lane. Each app has its turn, and within an app each lane. */
export class Lanes<W> {
  readonly #apps = new Map<string, Map<string, Lane<W>>>();

  /** Returns what removes it. */
  add({ app, target }: Claim, claimants: Claimants, call: W): () => void {
    const lanes = this.#apps.get(app) ?? new Map<string, Lane<W>>();
    this.#apps.set(app, lanes);
    const name = target === undefined ? '' : `${target.origin} ${target.client}`;
    const lane = lanes.get(name) ?? { claimants, calls: new Set() };
    lanes.set(name, lane);
    lane.calls.add(call);
    return () => {
      lane.calls.delete(call);
      if (lane.calls.size > 0) return;
      lanes.delete(name);
      if (lanes.size === 0) this.#apps.delete(app);
    };
  }

  /** Calls in the order of turns, each of which must be removed; only of lanes that may start one now. */
  *turns(mayStart: (claimants: Claimants) => boolean): Generator<W> {
    // An app that had its turn is set again, behind the others, and so comes up again.
    for (const [app, lanes] of this.#apps) {
      for (const [name, lane] of lanes) {
        const [call] = lane.calls;
        if (call === undefined || !mayStart(lane.claimants)) continue;
        lanes.delete(name);
        lanes.set(name, lane);
        this.#apps.delete(app);
        this.#apps.set(app, lanes);
        yield call;
        break;
      }
    }
  }
}
