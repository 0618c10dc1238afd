import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import { systemClock } from '../../shared/clock.ts';
import type { ServiceError } from '../../shared/errors.ts';
import type { NamedCertificate } from '../../shared/tls/expiry.ts';
import { minTlsVersion, type TlsMaterial } from '../../shared/tls/files.ts';
import type { ReloadedTls } from '../../shared/tls/reload.ts';
import { unavailable } from './errors.ts';
import { expiry, wholeAnswer } from './whole-answer.ts';

/** KeyServer's answers are small; a larger one comes from something else. */
const maxAnswerBytes = 4 * 1024 * 1024;
const firstPauseMs = 25;
/** Caps the doubling: otherwise the last pause would take half of the timeout. */
const maxPauseMs = 200;

/** Time for pauses between attempts; an attempt itself has the system's. */
export interface RetryTimer {
  readonly monotonic: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

const systemTimer: RetryTimer = { monotonic: () => systemClock.monotonic(), sleep };

export interface KeyserverHttpOptions {
  readonly connections: number;
  /** Timeout of one answer, retries and pauses included. */
  readonly timeoutMs: number;
  /** The only trusted CA and the client certificate, each if there is one. */
  readonly tls?: Pick<ReloadedTls, 'use'> | undefined;
  readonly timer?: RetryTimer | undefined;
}

export interface KeyserverAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Headers that link a call to its entries in KeyServer's log. */
export type TraceHeaders = Readonly<Record<string, string>>;

interface PostOptions {
  /** A new one if it is left out. */
  readonly deadline?: number;
  readonly onRetry?: (() => void) | undefined;
}

/**
 * Exchanges JSON with KeyServer over pooled connections. A failed connection, as while KeyServer
 * restarts, is retried until the timeout; `makeBody` is called for each attempt, since a nonce is
 * valid once.
 */
export class KeyserverHttp {
  /** keyserver_unavailable; undefined if the last attempt was answered. */
  fault: ServiceError | undefined;
  /** The certificate that KeyServer showed last; undefined without TLS. */
  shownCertificate: NamedCertificate | undefined;
  readonly #options: KeyserverHttpOptions;
  readonly #pools = new Map<string, Pool>();
  #connect: buildConnector.connector;
  #isClosed = false;

  constructor(options: KeyserverHttpOptions) {
    this.#options = options;
    this.#connect = this.#connector({});
    options.tls?.use((material) => {
      this.#connect = this.#connector(material);
    });
  }

  get connections(): number {
    return this.#options.connections;
  }

  /** The deadline of a question that begins now. */
  newDeadline(): number {
    return this.#timer.monotonic() + this.#options.timeoutMs;
  }

  /** Resolves as `promise`, whose work goes on after the deadline. @throws ServiceError keyserver_unavailable */
  async before<T>(deadline: number, promise: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const leftMs = Math.max(0, deadline - this.#timer.monotonic());
    const timeout = setTimeout(() => late.reject(this.fault ?? unreachable(expiry())), leftMs);
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timeout);
    }
  }

  /**
   * @param onRetry called before each attempt but the first
   * @throws ServiceError keyserver_unavailable if no answer came in time
   */
  async post(
    url: URL,
    makeBody: () => string | undefined,
    trace: TraceHeaders,
    { deadline = this.newDeadline(), onRetry }: PostOptions = {},
  ): Promise<KeyserverAnswer> {
    const timer = this.#timer;
    let cause: unknown;
    for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, maxPauseMs)) {
      const leftMs = deadline - timer.monotonic();
      try {
        const answer = await this.#attempt(url, makeBody(), trace, leftMs);
        this.fault = undefined;
        return answer;
      } catch (error) {
        // The timeout cuts an attempt that begins shortly before it: the one before tells what is wrong.
        if (cause === undefined || leftMs >= maxPauseMs) cause = error;
        this.fault = unreachable(cause);
        if (this.#isClosed || timer.monotonic() + pause >= deadline) throw this.fault;
      }
      await timer.sleep(pause);
      onRetry?.();
    }
  }

  /** Ends what waits for its next attempt, too. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  get #timer(): RetryTimer {
    return this.#options.timer ?? systemTimer;
  }

  async #attempt(
    url: URL,
    body: string | undefined,
    trace: TraceHeaders,
    timeoutMs: number,
  ): Promise<KeyserverAnswer> {
    const { origin, pathname, search } = url;
    const headers = body === undefined ? trace : { ...trace, 'content-type': 'application/json' };
    const { status, text } = await wholeAnswer(
      this.#pool(origin),
      { path: pathname + search, method: 'POST', headers, body: body ?? null },
      Math.max(1, timeoutMs),
    );
    const answer = { status, body: parseJson(text) };
    if (isFromBalancer(answer)) throw new Error(`status ${status} not from KeyServer`);
    return answer;
  }

  #pool(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      const { connections } = this.#options;
      pool = new Pool(origin, {
        connections,
        allowH2: false,
        maxResponseSize: maxAnswerBytes,
        // Read for each connection, since certificates are reloaded.
        connect: (options, callback) => this.#connect(options, callback),
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  #connector(material: TlsMaterial): buildConnector.connector {
    const connect = buildConnector({
      ...material,
      allowH2: false,
      minVersion: minTlsVersion,
      // Explicit, so that no environment variable can switch it off.
      rejectUnauthorized: true,
    });
    return (options, callback) =>
      connect(options, (...[error, socket]) => {
        if (error !== null) return callback(plainFault(error, options.hostname), null);
        const certificate = socket instanceof TLSSocket && socket.getPeerX509Certificate();
        if (certificate) {
          const name = `KeyServer at ${options.hostname}`;
          this.shownCertificate = { name, pem: certificate.toString() };
        }
        callback(null, socket);
      });
  }
}

function unreachable(cause: unknown): ServiceError {
  return unavailable('keyserver_unreachable', 'KeyServer does not answer.', cause);
}

/** Says it if the other side's certificate has ended; OpenSSL does not say whose it is. */
function plainFault(error: Error, hostname: string): Error {
  if (Object(error).code !== 'CERT_HAS_EXPIRED') return error;
  const message = `the certificate of KeyServer at ${hostname}, or its CA's, has ended`;
  return new Error(message, { cause: error });
}

/** True for a load balancer's own error: KeyServer's errors carry a `requestId`. */
function isFromBalancer({ status, body }: KeyserverAnswer): boolean {
  return status >= 502 && status <= 504 && Object(body).requestId === undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
