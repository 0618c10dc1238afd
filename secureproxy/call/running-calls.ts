import { ServiceError } from '../../shared/errors.ts';
import { Slots } from '../../shared/overload/slots.ts';
import { isRefusal } from '../keyserver-client/errors.ts';

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
  readonly #calls = new Slots<RunningCall>();
  #isChecking = false;

  /** Returns the slot, for {@link remove}. */
  add(call: RunningCall): number {
    return this.#calls.add(call);
  }

  /** To be called once per slot. */
  remove(slot: number): void {
    this.#calls.remove(slot);
  }

  /** Judges again the calls that known changes concern, one after another, since KeyServer may be asked for each. */
  async check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      for (const call of this.#calls) {
        if (!call.isCurrent()) await this.#judge(call);
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

function takenAway({ code }: ServiceError): ServiceError {
  return new ServiceError('grant_denied', {
    reason: 'taken_away',
    detail: `Permission for this call was revoked while it ran (${code}); the upstream may have carried it out.`,
  });
}
