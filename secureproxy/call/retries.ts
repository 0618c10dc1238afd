import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '../../shared/errors.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { announcedWait } from '../limits/rate-limit-headers.ts';
import type { Deadline } from '../upstream/deadline.ts';
import { callerGone } from '../upstream/errors.ts';
import { safeMethods } from '../upstream/repeating-pool.ts';
import { StreamedBody } from '../upstream/streamed-body.ts';
import type { Call } from './call.ts';

/** Answers that a later request may not get. */
const passing = new Set([429, 502, 503, 504]);
const defaultMax = 2;
const firstPauseMs = 100;
/** The answer is passed on if it asks for a longer pause. */
const maxPauseMs = 5000;

const callsPerRetry = 10;
const maxSaved = 10;
const maxNames = 10_000;

/**
 * Retries: a tenth of the calls, and those that were saved. A type has a budget, since retries load its marketplace, and
 * each caller has one, so that in the long run none uses more than its part of it.
 */
export class RetryBudget {
  readonly #left = new Map<string, number>();

  /** @param caller within the type */
  earn(type: string, caller: string): void {
    for (const name of namesOf(type, caller)) {
      const left = this.#left.get(name) ?? maxSaved;
      this.#left.delete(name);
      this.#left.set(name, Math.min(maxSaved, left + 1 / callsPerRetry));
    }
    for (const oldest of this.#left.keys()) {
      if (this.#left.size <= maxNames) break;
      this.#left.delete(oldest);
    }
  }

  /** False if nothing is left. */
  spend(type: string, caller: string): boolean {
    const names = namesOf(type, caller);
    const left = names.map((name) => this.#left.get(name) ?? 0);
    if (Math.min(...left) < 1) return false;
    for (const [at, name] of names.entries()) this.#left.set(name, (left[at] ?? 0) - 1);
    return true;
  }
}

function namesOf(type: string, caller: string): readonly string[] {
  return [type, JSON.stringify([type, caller])];
}

/** Whether the request of one call is sent again, by the rules of its type. */
export class Retries {
  readonly #call: Call;
  readonly #budget: RetryBudget;
  /** Undefined until the call is judged, and if its type has no retries. */
  #caller: string | undefined;
  #done = 0;
  #pauseMs = 0;
  /** The request went to a connection: it may have been carried out. */
  isStarted = false;

  constructor(call: Call, budget: RetryBudget) {
    this.#call = call;
    this.#budget = budget;
  }

  /** Counts the call for the budget, once it is judged: nobody else's calls make room for retries. */
  allowed({ retry }: Policy, app = ''): void {
    if (retry === undefined || this.#caller !== undefined) return;
    const { tokenType, clientId } = this.#call;
    this.#caller = JSON.stringify([app, clientId]);
    this.#budget.earn(tokenType, this.#caller);
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
    if (!safeMethods.has(method) && retry.methods?.includes(method) !== true) return false;
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
    if (!this.#budget.spend(this.#call.tokenType, this.#caller ?? '')) return false;
    this.#done += 1;
    return true;
  }

  /** Waits before the request is sent again. @throws ServiceError request_invalid if the caller is gone */
  async pause(response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    const onClose = () => gone.abort(callerGone());
    response.once('close', onClose);
    if (response.closed) onClose();
    const { signal } = gone;
    await sleep(this.#pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    response.off('close', onClose);
    this.isStarted = false;
  }
}
