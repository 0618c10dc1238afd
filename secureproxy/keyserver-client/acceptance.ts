import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';

export interface Fault {
  readonly error: ServiceError;
  /** When this fault or another one began to be all that exchanges show (monotonic clock, milliseconds). */
  readonly since: number;
}

/** Whether KeyServer answers this proxy and accepts its key and clock, as the latest exchange showed. */
export class Acceptance {
  /** True once an exchange was accepted. */
  hasAccepted = false;
  /** The fault that keeps exchanges from succeeding. */
  fault: Fault | undefined;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #latestAskedAt = -Infinity;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Makes an exchange and notes how it ends. @throws what the exchange throws */
  async note<T>(exchange: () => Promise<T>): Promise<T> {
    const askedAt = this.#clock.monotonic();
    try {
      const answer = await exchange();
      this.#take(askedAt, undefined);
      return answer;
    } catch (error) {
      if (error instanceof ServiceError && !saysNothing.has(error.code)) {
        this.#take(askedAt, isFault(error) ? error : undefined);
      }
      throw error;
    }
  }

  /** The exchange that was begun last is the newest witness, whichever ends last. */
  #take(askedAt: number, error: ServiceError | undefined): void {
    if (askedAt < this.#latestAskedAt) return;
    this.#latestAskedAt = askedAt;
    if (error === undefined) {
      this.hasAccepted = true;
      this.fault = undefined;
    } else {
      this.fault = { error, since: this.fault?.since ?? this.#clock.monotonic() };
    }
  }
}

/** KeyServer answers with these before it looks at the proxy's key. */
const saysNothing: ReadonlySet<string> = new Set(['request_invalid', 'overloaded']);

/** A KeyServer without a change feed is older, but its releases work. */
export function isFault({ code, options }: ServiceError): boolean {
  return code === 'keyserver_unavailable' && options.reason !== 'route_not_found';
}
