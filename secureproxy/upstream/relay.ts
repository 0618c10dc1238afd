import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { ServiceError } from '../../shared/errors.ts';
import { inNextBatch } from '../../shared/event-loop.ts';
import { type AnswerBody, type AnswerOutput, PlainBody } from '../http/answer-body.ts';
import { scrubbedBody } from '../scrub/scrubbed-body.ts';
import { countAbandoned, refuseMoreAbandoned } from './abandoned.ts';
import { checkStatus, checkTransferCoding, correctLength, tooManyInterim } from './answer-head.ts';
import { isStale } from './answer-start.ts';
import type { AnswerTarget } from './answer-target.ts';
import type { CarriedHandler } from './connection.ts';
import { callerGone, upstreamError } from './errors.ts';
import { boundRest, ReadingPauses } from './reading-pauses.ts';
import type { RelayOptions, RelayOutcome, UpstreamRequest } from './relay-options.ts';
import { StreamedBody } from './streamed-body.ts';
import { giveUpUnread } from './unread-rest.ts';

/** Of an answer that is not wanted so much is read, for so long, to keep its connection. */
const maxUnwanted = 64 * 1024;
const unwantedMs = 1000;
const unwanted = new Error('the answer is not wanted');
/** One a second for as long as a call may take by default; each begins undici's wait for the answer anew. */
const maxInterim = 1000;

/**
 * Sends a request through a pool and streams the answer into `response`, as fast as the caller
 * reads it. If the caller disconnects, the upstream call is cancelled. If the upstream's answer
 * breaks off, so does the caller's, which would otherwise look complete. Resolves to true when the
 * answer has ended, to false if `onStart` returned that or the answer is not wanted.
 * @throws ServiceError if no answer has begun; nothing was written to `response` then
 */
export function relay(
  pool: Dispatcher,
  request: UpstreamRequest,
  response: AnswerTarget,
  options: RelayOptions,
): Promise<boolean> {
  // If the caller disconnected while the release was fetched, `close` has fired already.
  if (response.closed || response.destroyed) return Promise.reject(callerGone());
  const refusal = refuseMoreAbandoned(pool);
  if (refusal !== undefined) return Promise.reject(refusal);
  const done = Promise.withResolvers<boolean>();
  // `dispatch` takes half the CPU of `pool.request`, and its controller can pause.
  pool.dispatch(dispatched(request), new RelayHandler(pool, request, response, options, done));
  return done.promise;
}

function dispatched({ path, method, headers, body }: UpstreamRequest): Dispatcher.DispatchOptions {
  if (!(body instanceof StreamedBody)) return { path, method, headers, body };
  const { announced } = body;
  const more = announced === undefined ? [] : ['content-length', String(announced)];
  return { path, method, headers: [...headers, ...more], body: body.open() };
}

class RelayHandler implements CarriedHandler, AnswerOutput {
  carrier?: CarriedHandler['carrier'];
  repeat?: CarriedHandler['repeat'];
  readonly #pool: Dispatcher;
  readonly #isHead: boolean;
  readonly #sent: UpstreamRequest['body'];
  readonly #response: AnswerTarget;
  readonly #options: RelayOptions;
  /** Undefined before the first. */
  #pauses: ReadingPauses | undefined;
  readonly #done: PromiseWithResolvers<boolean>;
  readonly #onClose = () => this.#cancel(callerGone());
  readonly #end = (error: ServiceError) => this.#cancel(error);
  #controller: Dispatcher.DispatchController | undefined;
  #body: AnswerBody | undefined;
  #ended: ServiceError | undefined;
  #settled = false;
  #isAbandoned = false;
  #unwanted: NodeJS.Timeout | undefined;
  /** The upstream's answer is complete; it may still be on its way to the caller. */
  #received = false;
  #status: number | undefined;
  #starts = 0;
  #interim = 0;
  #bytesReceived = 0;
  #bytesSent = 0;

  constructor(
    pool: Dispatcher,
    { method, body }: UpstreamRequest,
    response: AnswerTarget,
    options: RelayOptions,
    done: PromiseWithResolvers<boolean>,
  ) {
    this.#pool = pool;
    this.#isHead = method === 'HEAD';
    this.#sent = body;
    this.#response = response;
    this.#options = options;
    this.#done = done;
    response.on('close', this.#onClose);
    // Ends the call at once if the time is up.
    options.deadline.begin('connection', this.#end);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // To throw sends nothing and keeps the connection, which `abort` would close.
    if (this.#ended !== undefined) throw this.#ended;
    if (!this.#options.onStart(this.#end)) {
      this.#settle();
      this.#done.resolve(false);
      throw new Error('the release has ended');
    }
    this.#controller = controller;
    if (this.#sent instanceof StreamedBody) this.#sent.begin();
    this.#starts += 1;
    this.#options.deadline.goOn('answer');
  }

  onBodySent(chunk: Buffer): void {
    const socket = this.carrier?.();
    if (socket && this.#sent instanceof StreamedBody)
      this.#sent.sent.add(chunk, socket.writableLength);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    checkStatus(status);
    // Interim answers (RFC 9110 §15.2) are the connection's own.
    if (status < 200) {
      this.#interim += 1;
      if (this.#interim > maxInterim) throw tooManyInterim();
      return;
    }
    checkTransferCoding(headers);
    if (this.#options.isRefused(status, headers)) {
      this.#status = status;
      this.#settle();
      this.#options.onEnd(this.#outcome());
      this.#done.resolve(false);
      this.#unwanted = setTimeout(() => controller.abort(unwanted), unwantedMs);
      return;
    }
    // From the head on, only pauses are bounded: the upstream's by its pool, the caller's here.
    if (this.#options.isForwarded) this.#options.deadline.pause();
    this.#status = status;
    const { scrubber } = this.#options;
    this.#body =
      scrubber === undefined
        ? new PlainBody(headers, this)
        : scrubbedBody(scrubber, { status, headers, isHead: this.#isHead }, this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytesReceived += chunk.length;
    if (this.#body?.write(chunk) === false) controller.pause();
    if (this.#body !== undefined) return;
    this.#options.onBody(chunk);
    if (this.#bytesReceived > maxUnwanted) controller.abort(unwanted);
  }

  onResponseEnd(): void {
    this.#received = true;
    clearTimeout(this.#unwanted);
    const socket = this.carrier?.();
    if (socket) giveUpUnread(socket, this.#status ?? 0, this.#sent?.length ?? 0);
    this.#body?.end();
  }

  head(headers: IncomingHttpHeaders): void {
    this.#begin(headers);
    // The head goes out with the body's first bytes if they come at once, else before them.
    setImmediate(() => {
      if (this.#bytesSent === 0 && !this.#settled) this.#response.flushHeaders();
    });
  }

  write(bytes: Buffer): boolean {
    this.#bytesSent += bytes.length;
    this.#options.onBody(bytes);
    if (this.#response.write(bytes)) return true;
    this.#pauses ??= new ReadingPauses(this.#response, this.#options.idleTimeoutMs, {
      onDrain: () => this.#body?.drained(),
      onTimeout: this.#onClose,
    });
    this.#pauses.begin({ isBounded: this.#options.isForwarded });
    return false;
  }

  end(): void {
    this.#finish();
  }

  sendWhole(headers: IncomingHttpHeaders, bytes: Buffer): void {
    this.#begin(headers);
    this.#bytesSent = bytes.length;
    this.#options.onBody(bytes);
    this.#finish(bytes);
  }

  inNextBatch(send: () => void): void {
    inNextBatch(() => {
      if (this.#settled) return;
      try {
        send();
      } catch (error) {
        this.#fail(upstreamError(error as Error));
      }
    });
  }

  ready(): void {
    this.#controller?.resume();
  }

  fail(error: ServiceError): void {
    this.#cancel(error);
  }

  #begin(headers: IncomingHttpHeaders): void {
    const status = this.#status as number;
    const answer = this.#options.answerHeaders(headers, status);
    const { isForwarded, scrubber } = this.#options;
    correctLength(answer, status, this.#isHead && !isForwarded);
    // That of the redacted answer is not known.
    if (this.#isHead && isForwarded && scrubber !== undefined) delete answer['content-length'];
    this.#response.writeHead(status, answer);
    this.#options.onAnswer();
  }

  #finish(last?: Buffer): void {
    if (this.#settled) return;
    this.#settle();
    this.#options.onEnd(this.#outcome());
    // As a text it goes out with its head in one piece; bytes would be gathered, which costs more.
    this.#response.end(last?.toString('latin1'), 'latin1');
    boundRest(this.#response, this.#options.idleTimeoutMs);
    this.#done.resolve(true);
  }

  #outcome(): RelayOutcome {
    return {
      status: this.#status,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      scrubbed: this.#body?.redactions ?? 0,
      retries: Math.max(0, this.#starts - 1),
    };
  }

  onResponseError(_controller: unknown, thrown: Error): void {
    if (this.repeat !== undefined && isStale(thrown)) {
      // Void until the next start.
      this.#controller = undefined;
      this.repeat();
      return;
    }
    clearTimeout(this.#unwanted);
    if (this.#isAbandoned) countAbandoned(this.#pool, -1);
    this.#isAbandoned = false;
    this.#fail(this.#ended ?? upstreamError(thrown));
  }

  /** Ends the call for a reason of the proxy; undici reports it back if the request has begun. */
  #cancel(error: ServiceError): void {
    if (this.#settled) return;
    this.#ended ??= error;
    if (this.#controller !== undefined && !this.#received) {
      this.#controller.abort(error);
      return;
    }
    if (!this.#received) {
      this.#isAbandoned = true;
      countAbandoned(this.#pool, 1);
    }
    this.#fail(error);
  }

  #fail(error: ServiceError): void {
    // A call that was cancelled while queued for a connection fails again when it gets one.
    if (this.#settled) return;
    this.#settle();
    this.#options.onEnd({ ...this.#outcome(), error });
    if (!this.#response.headersSent) {
      this.#done.reject(error);
      return;
    }
    this.#response.destroy();
    this.#done.resolve(true);
  }

  #settle(): void {
    this.#settled = true;
    this.#options.deadline.pause();
    this.#body?.destroy();
    this.#pauses?.end();
    this.#response.off('close', this.#onClose);
  }
}
