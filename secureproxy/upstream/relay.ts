import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { ServiceError } from '../../shared/errors.ts';
import { nextBatch } from '../../shared/event-loop.ts';
import { type AnswerBody, type AnswerOutput, PlainBody } from '../http/answer-body.ts';
import { scrubbedBody } from '../scrub/scrubbed-body.ts';
import type { Scrubber } from '../scrub/scrubber.ts';
import { upstreamError } from './errors.ts';

/** What goes upstream; `headers` are names and values in turn. */
export interface UpstreamRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly body: Buffer | string | null;
}

export interface RelayOptions {
  readonly timeoutMs: number;
  /** Makes the headers of the answer from the upstream's. */
  readonly answerHeaders: (headers: IncomingHttpHeaders, status: number) => OutgoingHttpHeaders;
  /** Takes secrets out of the answer; undefined: it goes through as it is. */
  readonly scrubber: Scrubber | undefined;
  /** Told once the answer's head was written: from then on it is the upstream's. */
  readonly onAnswer: () => void;
  /** Told once, before the caller sees the end. Not told where nothing was to be sent any more. */
  readonly onEnd: (outcome: RelayOutcome) => void;
}

/** How a relayed call ended. `error` is set where no answer began, or where it broke off. */
export interface RelayOutcome {
  /** Undefined where no answer began. */
  readonly status: number | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** How often something was taken out of the answer. */
  readonly scrubbed: number;
  readonly error?: ServiceError;
}

/**
 * Sends a request through a pool and streams the answer into `response`, as fast as the caller
 * reads it. A caller that hangs up cancels the upstream call; an answer that breaks off breaks off
 * the caller's too, so that it is never taken for whole. Resolves when the answer has ended.
 * @throws ServiceError where no answer has begun; nothing is written to `response` then
 */
export function relay(
  pool: Dispatcher,
  request: UpstreamRequest,
  response: ServerResponse,
  options: RelayOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // Who hung up while the release was fetched would never be noticed again.
    if (response.closed || response.destroyed) {
      reject(callerGone());
      return;
    }
    const handler = new RelayHandler(request.method, response, options, resolve, reject);
    // Dispatch level: half the CPU of `pool.request`, and pausing is at hand.
    pool.dispatch(request, handler);
  });
}

class RelayHandler implements Dispatcher.DispatchHandler {
  readonly #isHead: boolean;
  readonly #response: ServerResponse;
  readonly #options: RelayOptions;
  readonly #resolve: () => void;
  readonly #reject: (error: ServiceError) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #onClose = () => this.#cancel(callerGone());
  readonly #onDrain = () => this.#body?.drained();
  #controller: Dispatcher.DispatchController | undefined;
  #body: AnswerBody | undefined;
  #ended: ServiceError | undefined;
  #settled = false;
  /** Nothing more comes from the upstream; what came may still be under way. */
  #received = false;
  #status: number | undefined;
  #bytesReceived = 0;
  #bytesSent = 0;

  constructor(
    method: string,
    response: ServerResponse,
    options: RelayOptions,
    resolve: () => void,
    reject: (error: ServiceError) => void,
  ) {
    this.#isHead = method === 'HEAD';
    this.#response = response;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#cancel(tooLong()), options.timeoutMs);
    response.once('close', this.#onClose).on('drain', this.#onDrain);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Hung up or timed out while waiting for a connection: nothing is sent.
    if (this.#ended !== undefined) controller.abort(this.#ended);
  }

  onResponseStart(_controller: unknown, status: number, headers: IncomingHttpHeaders): void {
    if (status < 100) throw statusUnknown();
    // Interim answers (RFC 9110 §15.2) are the connection's own.
    if (status < 200) return;
    checkCoding(headers);
    this.#status = status;
    const { scrubber } = this.#options;
    const output = this.#output(status);
    this.#body =
      scrubber === undefined
        ? new PlainBody(headers, output)
        : scrubbedBody(scrubber, { status, headers, isHead: this.#isHead }, output);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytesReceived += chunk.length;
    if (this.#body?.write(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#received = true;
    this.#body?.end();
  }

  #output(status: number): AnswerOutput {
    return {
      head: (headers) => {
        this.#begin(status, headers);
        // With the first bytes of the body where they come at once, else ahead of them.
        setImmediate(() => {
          if (this.#bytesSent === 0 && !this.#settled) this.#response.flushHeaders();
        });
      },
      write: (bytes) => {
        this.#bytesSent += bytes.length;
        return this.#response.write(bytes);
      },
      end: () => this.#finish(),
      sendWhole: (headers, bytes) => {
        this.#begin(status, headers);
        this.#bytesSent = bytes.length;
        this.#finish(bytes);
      },
      inNextBatch: (send) => this.#inNextBatch(send),
      ready: () => this.#controller?.resume(),
      fail: (error) => this.#cancel(error),
    };
  }

  #begin(status: number, headers: IncomingHttpHeaders): void {
    const answer = this.#options.answerHeaders(headers, status);
    // The length of a body that a HEAD call does not have; the caller's own method was another.
    if (this.#isHead) answer['content-length'] = '0';
    // RFC 9110 §8.6: a length here could make the caller wait for a body that never comes.
    if (status === 204) delete answer['content-length'];
    this.#response.writeHead(status, answer);
    this.#options.onAnswer();
  }

  #inNextBatch(send: () => void): void {
    nextBatch()
      .then(() => {
        if (!this.#settled) send();
      })
      .catch((error: Error) => this.#fail(upstreamError(error)));
  }

  #finish(last?: Buffer): void {
    if (this.#settled) return;
    this.#settle();
    this.#options.onEnd(this.#outcome());
    this.#response.end(last);
    this.#resolve();
  }

  #outcome(): RelayOutcome {
    return {
      status: this.#status,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      scrubbed: this.#body?.redactions ?? 0,
    };
  }

  onResponseError(_controller: unknown, thrown: Error): void {
    this.#fail(this.#ended ?? upstreamError(thrown));
  }

  /** Ends the call for a reason of ours; undici then reports it back, if it got so far. */
  #cancel(error: ServiceError): void {
    this.#ended ??= error;
    if (this.#controller === undefined || this.#received) this.#fail(error);
    else this.#controller.abort(error);
  }

  #fail(error: ServiceError): void {
    // A call that was cancelled before it had a connection fails again once it gets one.
    if (this.#settled) return;
    this.#settle();
    this.#options.onEnd({ ...this.#outcome(), error });
    if (!this.#response.headersSent) {
      this.#reject(error);
      return;
    }
    this.#response.destroy();
    this.#resolve();
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#body?.destroy();
    this.#response.off('close', this.#onClose).off('drain', this.#onDrain);
  }
}

function tooLong(): ServiceError {
  return new ServiceError('upstream_timeout', {
    reason: 'total_timeout',
    proxyError: 'http_response_timeout',
    detail: 'The call as a whole took longer than allowed.',
  });
}

/** We ask for no other coding (RFC 9112 §7.4); its bytes would go on as if they were the content. */
function checkCoding({ 'transfer-encoding': coding }: IncomingHttpHeaders): void {
  if (coding === undefined || String(coding).toLowerCase() === 'chunked') return;
  throw new ServiceError('upstream_invalid', {
    reason: 'transfer_coding',
    detail: 'The upstream answered in a transfer coding other than chunked.',
  });
}

function statusUnknown(): ServiceError {
  return new ServiceError('upstream_invalid', {
    reason: 'not_http',
    detail: 'The upstream answered with a status below 100.',
  });
}

/** For the log only: there is nobody left to answer. */
function callerGone(): ServiceError {
  return new ServiceError('request_invalid', {
    reason: 'caller_gone',
    proxyError: 'connection_terminated',
  });
}
