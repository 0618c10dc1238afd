import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { certificateEnds, expiryFindings, type NamedCertificate } from './expiry.ts';

const lookIntervalMs = 10_000;
const repeatMs = 86_400_000;

/** Logs certificates that have ended or end soon: at the start, as one of the warned days begins, and daily. */
export class ExpiryWatch {
  readonly #certificates: () => readonly NamedCertificate[];
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: Logger;
  #logged = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param certificates those in use now, own ones and the other side's */
  constructor(
    certificates: () => readonly NamedCertificate[],
    clock: Pick<Clock, 'now'>,
    log: Logger,
  ) {
    this.#certificates = certificates;
    this.#clock = clock;
    this.#log = log;
  }

  start(): void {
    this.#lookSafely();
    this.#timer = setInterval(() => this.#lookSafely(), lookIntervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Seconds until the first certificate of each name ends; negative once it has. */
  secondsLeft(): [name: string, seconds: number][] {
    const now = this.#clock.now();
    const ends = [...certificateEnds(this.#certificates())];
    return ends.map(([name, end]) => [name, (end - now) / 1000]);
  }

  /** An exception in a timer would end the process. */
  #lookSafely(): void {
    try {
      this.look();
    } catch (error) {
      this.#log.error({ err: error }, 'certificates not judged');
    }
  }

  look(): void {
    const now = this.#clock.now();
    const logged = new Map<string, number>();
    for (const certificate of this.#certificates()) {
      for (const finding of expiryFindings(certificate, now)) {
        const { severity, sentence, expiresAt, withinDays } = finding;
        const key = `${certificate.name} ${expiresAt} ${withinDays}`;
        const last = this.#logged.get(key);
        const isDue = last === undefined || now - last >= repeatMs;
        logged.set(key, isDue ? now : last);
        if (!isDue) continue;
        if (severity === 'fault') {
          this.#log.error({ expires_at: expiresAt, fault: sentence }, 'certificate not valid');
        } else this.#log.warn({ expires_at: expiresAt, fault: sentence }, 'certificate ends soon');
      }
    }
    // Only those still found: a renewed certificate is forgotten.
    this.#logged = logged;
  }
}
