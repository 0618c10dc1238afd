import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '../../shared/errors.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { announcedWait } from '../limits/signals.ts';
import type { Deadline } from '../upstream/deadline.ts';
import { StreamedBody } from '../upstream/streamed-body.ts';
import type { Call } from './call.ts';

/** Answers that a later request may not get. */
const passing = new Set([429, 502, 503, 504]);
/** Methods that change nothing (RFC 9110 §9.2.1). */
const safe = new Set<string>(['GET', 'HEAD', 'OPTIONS']);
const defaultMax = 2;
const firstPauseMs = 100;
/** The answer is passed on if it asks for a longer pause. */
const maxPauseMs = 5000;

/** Retries by type: a tenth of its calls, and those that it has saved. */
export class RetryBudget {
  readonly #left = new Map<string, number>();

  earn(type: string): void {
    this.#left.set(
      type,
      Math.min(maxSaved, (this.#left.get(type) ?? maxSaved) + 1 / callsPerRetry),
    );
    const [oldest] = this.#left.keys();
    if (this.#left.size > maxTypes && oldest !== undefined) this.#left.delete(oldest);
  }

  /** False if nothing is left. */
  spend(type: string): boolean {
    const left = this.#left.get(type) ?? 0;
    if (left < 1) return false;
    this.#left.set(type, left - 1);
    return true;
  }
}

const callsPerRetry = 10;
const maxSaved = 10;
const maxTypes = 1000;

/** Whether the request of one call is sent again, by the rules of its type. */
export class Retries {
  readonly #call: Call;
  readonly #budget: RetryBudget;
  #isCounted = false;
  #done = 0;
  #pauseMs = 0;
  /** The request went to a connection: it may have been carried out. */
  isStarted = false;

  constructor(call: Call, budget: RetryBudget) {
    this.#call = call;
    this.#budget = budget;
  }

  /** Counts the call for the budget, once it is judged: nobody else's calls make room for retries. */
  allowed(): void {
    if (!this.#isCounted) this.#budget.earn(this.#call.tokenType);
    this.#isCounted = true;
  }

  /** How often it was sent again. */
  get count(): number {
    return this.#done;
  }

  /** Whether it is sent again in place of an answer with this head. */
  afterAnswer(
    { retry }: Policy,
    status: number,
    headers: IncomingHttpHeaders,
    deadline: Deadline,
  ): boolean {
    const { method, body } = this.#call;
    if (retry === undefined || !passing.has(status) || body instanceof StreamedBody) return false;
    if (!safe.has(method) && retry.methods?.includes(method) !== true) return false;
    return this.#isDue(retry, deadline, announcedWait(headers, Date.now()));
  }

  /** Whether it is sent again after an error, of any method, since no byte of it was sent. */
  afterFailure({ retry }: Policy, error: unknown, deadline: Deadline): boolean {
    if (retry === undefined || this.isStarted || !(error instanceof ServiceError)) return false;
    if (error.code !== 'upstream_unreachable' && error.code !== 'upstream_timeout') return false;
    return this.#isDue(retry, deadline);
  }

  #isDue(
    { max = defaultMax }: NonNullable<Policy['retry']>,
    deadline: Deadline,
    waitMs = 0,
  ): boolean {
    const backoffMs = firstPauseMs * 2 ** this.#done * (0.5 + Math.random() / 2);
    this.#pauseMs = Math.max(backoffMs, waitMs);
    if (this.#done >= max || this.#pauseMs > Math.min(maxPauseMs, deadline.leftMs)) return false;
    if (!this.#budget.spend(this.#call.tokenType)) return false;
    this.#done += 1;
    return true;
  }

  /** Waits before the request is sent again. */
  async pause(): Promise<void> {
    await sleep(this.#pauseMs);
    this.isStarted = false;
  }
}
