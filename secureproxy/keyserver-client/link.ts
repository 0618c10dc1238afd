import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import type { Readiness } from '../../shared/http/health.ts';
import { plainError } from '../../shared/log/plain-error.ts';
import type { Acceptance } from './acceptance.ts';

/** A fault that the next question of the change feed may disprove, such as one of a replica that lags, is not told. */
const confirmedMs = 1500;
const lookIntervalMs = 500;

export interface KeyserverLinkOptions {
  readonly acceptance: Acceptance;
  /** False if calls need KeyServer, since no release is cached. */
  readonly canServe: () => boolean;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
}

/** Readiness of SecureProxy: whether calls work, by what calls and the change feed learn of KeyServer. */
export class KeyserverLink {
  readonly #options: KeyserverLinkOptions;
  /** The last state in the log: the reason why calls fail, or `ready`. */
  #said: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KeyserverLinkOptions) {
    this.#options = options;
  }

  /** Logs each change of readiness until {@link stop}. */
  start(): void {
    this.#timer = setInterval(() => this.tell(), lookIntervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Degraded as long as cached releases can serve calls without KeyServer. */
  readiness(): Readiness {
    const { acceptance, canServe, clock } = this.#options;
    const { fault, hasAccepted } = acceptance;
    if (fault === undefined) {
      return hasAccepted
        ? { status: 'ready', checks: { keyserver: 'reached' } }
        : { status: 'unready', checks: { keyserver: 'not_reached' } };
    }
    const { message, options } = fault.error;
    const { reason = 'unknown' } = options;
    const unreachable = hasAccepted ? 'unreachable' : 'not_reached';
    const isConfirmed = clock.monotonic() - fault.since >= confirmedMs;
    return {
      status: hasAccepted && (!isConfirmed || canServe()) ? 'degraded' : 'unready',
      checks: { keyserver: reason === 'keyserver_unreachable' ? unreachable : reason },
      detail: message,
    };
  }

  /** Logs the readiness if it has changed; a degraded service counts as ready. */
  tell(): void {
    const { acceptance, log } = this.#options;
    const { status, checks } = this.readiness();
    const { fault } = acceptance;
    const isReady = status !== 'unready';
    const said = isReady ? 'ready' : checks.keyserver;
    // Before the first answer there is nothing to tell.
    if (said === this.#said || (!isReady && fault === undefined)) return;
    this.#said = said;
    if (isReady) log.info({ checks }, 'ready: calls work');
    else if (fault !== undefined) {
      const { reason } = fault.error.options;
      log.error(
        { checks, 'error.reason': reason, err: plainError(fault.error) },
        'not ready: calls fail',
      );
    }
  }
}
