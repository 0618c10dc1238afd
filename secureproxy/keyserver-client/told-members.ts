import { randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import {
  type Changes,
  type ChangesCredential,
  maxToldPins,
} from '../../shared/protocol/change-messages.ts';

/** KeyServers of an earlier version, beside others behind one name, reject the members: a rolling upgrade. */
const pauseMs = 60_000;

type Members = Pick<ChangesCredential, 'pins' | 'process'>;
type Ask = (members: Members) => Promise<Changes>;

/** Tells KeyServer of this process along with the question for changes, if it says that it takes that. */
export class ToldMembers {
  readonly #members: Members;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #isTaken = false;
  #pausedUntil = -Infinity;

  constructor(pins: ReadonlySet<string>, clock: Pick<Clock, 'monotonic'>) {
    this.#members = { process: randomUUID(), ...(pins.size <= maxToldPins && { pins: [...pins] }) };
    this.#clock = clock;
  }

  /** Asks with the members, and once more without if they are rejected. @throws what `ask` throws */
  async tellWith(ask: Ask): Promise<Changes> {
    const isTold = this.#isTaken && this.#clock.monotonic() >= this.#pausedUntil;
    const changes = isTold ? await this.#tell(ask) : await ask({});
    this.#isTaken = changes.takesMore === true;
    return changes;
  }

  async #tell(ask: Ask): Promise<Changes> {
    try {
      return await ask(this.#members);
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'request_invalid')) throw error;
      this.#pausedUntil = this.#clock.monotonic() + pauseMs;
      return ask({});
    }
  }
}
