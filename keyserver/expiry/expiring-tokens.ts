import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { plainError } from '../../shared/log/plain-error.ts';
import { Poll, type PollOptions } from '../../shared/process/poll.ts';
import { warnedWithin } from '../../shared/tls/expiry.ts';
import { openSecret } from '../at-rest/secret.ts';
import { tryOpen } from '../at-rest/try-open.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { Store, TokenRow } from '../store/store.ts';

const dayMs = 86_400_000;
/** A start has more urgent work. */
const firstPauseMs = 60_000;
const retryMs = 3_600_000;
/** Opening rows must not delay calls. */
const rowsInARow = 250;
const pauseMs = 20;

/** Of the log entry, by days. */
const fields = { 1: 'within_1_day', 7: 'within_7_days', 30: 'within_30_days' } as const;

interface ExpiringTokensOptions extends Pick<PollOptions, 'sleep'> {
  readonly store: Pick<Store, 'listTokens'>;
  readonly keyring: Keyring;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  /** Whether this process is the one that looks today. */
  readonly hasTurn: () => Promise<boolean>;
}

/** Logs once a day how many tokens have expired, or will within 30, 7 or 1 days, and which is next. */
export class ExpiringTokens extends Poll {
  readonly #options: ExpiringTokensOptions;
  readonly #pausing = new AbortController();
  #isFirst = true;
  #hasTurn = false;

  constructor(options: ExpiringTokensOptions) {
    super({ sleep: options.sleep, attempt: () => this.#attempt() });
    this.#options = options;
  }

  override stop(): Promise<void> {
    this.#pausing.abort();
    return super.stop();
  }

  async #attempt(): Promise<number> {
    if (this.#isFirst) {
      this.#isFirst = false;
      return firstPauseMs;
    }
    try {
      // Kept until a look succeeds, since no process gets the turn again today.
      this.#hasTurn ||= await this.#options.hasTurn();
      if (this.#hasTurn) await this.#look();
      this.#hasTurn = false;
      return dayMs;
    } catch (error) {
      if (!this.isStopped) {
        this.#options.log.warn({ err: plainError(error) }, 'expiry of tokens not judged');
      }
      return retryMs;
    }
  }

  async #look(): Promise<void> {
    const { store, keyring, clock, log, sleep = (ms: number) => setTimeout(ms) } = this.#options;
    const now = clock.now();
    const counts = { expired: 0, within_1_day: 0, within_7_days: 0, within_30_days: 0 };
    let next: { readonly row: TokenRow; readonly expiresAt: string } | undefined;
    let rows = 0;
    for await (const row of store.listTokens()) {
      rows += 1;
      if (rows % rowsInARow === 0) await sleep(pauseMs, this.#pausing.signal);
      if (this.isStopped) return;
      // One that does not open is for doctor to tell.
      const expiresAt = tryOpen(() => openSecret(keyring, row))?.expiresAt;
      if (expiresAt === undefined) continue;
      const end = Date.parse(expiresAt);
      if (end <= now) {
        counts.expired += 1;
        continue;
      }
      const days = warnedWithin(end, now);
      if (days === undefined) continue;
      counts[fields[days]] += 1;
      if (next === undefined || end < Date.parse(next.expiresAt)) next = { row, expiresAt };
    }
    if (Object.values(counts).every((count) => count === 0)) return;
    const first = next && {
      client: next.row.clientId,
      token_type: next.row.tokenType,
      expires_at: next.expiresAt,
    };
    log.warn({ ...counts, ...first }, 'tokens expire');
  }
}
