import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import { type Changes, maxToldPins } from '../../shared/protocol/change-messages.ts';

/** KeyServers of an earlier version, beside others behind one name, reject the member: a rolling upgrade. */
const pauseMs = 60_000;

type Ask = (members: { readonly pins?: string[] }) => Promise<Changes>;

/** Tells KeyServer the pins along with the question for changes, if it says that it takes them. */
export class ToldPins {
  readonly #pins: readonly string[];
  readonly #clock: Pick<Clock, 'monotonic'>;
  #isTaken = false;
  #pausedUntil = -Infinity;

  constructor(pins: ReadonlySet<string>, clock: Pick<Clock, 'monotonic'>) {
    this.#pins = [...pins];
    this.#clock = clock;
  }

  /** Asks with the pins, and once more without if they are rejected. @throws what `ask` throws */
  async tellWith(ask: Ask): Promise<Changes> {
    const changes = this.#isTold ? await this.#tell(ask) : await ask({});
    this.#isTaken = changes.takesPins === true;
    return changes;
  }

  get #isTold(): boolean {
    const isPaused = this.#clock.monotonic() < this.#pausedUntil;
    return this.#isTaken && !isPaused && this.#pins.length <= maxToldPins;
  }

  async #tell(ask: Ask): Promise<Changes> {
    try {
      return await ask({ pins: [...this.#pins] });
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'request_invalid')) throw error;
      this.#pausedUntil = this.#clock.monotonic() + pauseMs;
      return ask({});
    }
  }
}
