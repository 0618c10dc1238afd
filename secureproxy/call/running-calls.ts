import { ServiceError } from '../../shared/errors.ts';

/** A call whose request has started. */
export interface RunningCall {
  /** False once a change is known that may have taken away what allowed the call. */
  isCurrent(): boolean;
  /** Asks KeyServer and judges the call again; it is current afterwards. @throws ServiceError */
  judgeAgain(): Promise<void>;
  /** Ends the call. */
  cut(error: ServiceError): void;
}

/** Running calls, which are cut if app, token, grant, type or proxy is taken away. */
export class RunningCalls {
  /**
   * In slots, since a `Set` moves to a new table every few calls: an old one that survived young collections would
   * keep the tables after it, and their calls, until the next full collection.
   */
  readonly #calls: (RunningCall | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #isChecking = false;

  /** Returns the slot, for {@link remove}. */
  add(call: RunningCall): number {
    const slot = this.#freeSlots.pop() ?? this.#calls.length;
    this.#calls[slot] = call;
    return slot;
  }

  /** To be called once per slot. */
  remove(slot: number): void {
    this.#calls[slot] = undefined;
    this.#freeSlots.push(slot);
  }

  /** Judges again the calls that known changes concern, one after another, since KeyServer may be asked for each. */
  async check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      for (const call of this.#calls) {
        if (call !== undefined && !call.isCurrent()) await this.#judge(call);
      }
    } finally {
      this.#isChecking = false;
    }
  }

  async #judge(call: RunningCall): Promise<void> {
    try {
      await call.judgeAgain();
    } catch (error) {
      // If KeyServer cannot answer, the next check asks again.
      if (isRefusal(error)) call.cut(takenAway(error));
    }
  }
}

function isRefusal(error: unknown): error is ServiceError {
  if (!(error instanceof ServiceError)) return false;
  const { code, options } = error;
  if (code === 'keyserver_unavailable') return options.reason === 'proxy_unknown';
  return code !== 'overloaded' && code !== 'internal';
}

function takenAway({ code }: ServiceError): ServiceError {
  return new ServiceError('grant_denied', {
    reason: 'taken_away',
    detail: `What allowed this call was taken away while it ran (${code}); the upstream may have carried it out.`,
  });
}
