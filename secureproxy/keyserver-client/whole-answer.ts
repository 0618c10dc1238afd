import type { Dispatcher } from 'undici';

interface WholeAnswer {
  readonly status: number;
  readonly text: string;
}

export const expiry = () => new Error('no whole answer in time');

/**
 * Sends a request through a pool and resolves to the whole answer. Rejects if it fails or has not
 * ended within `timeoutMs`. Uses `dispatch`, since `pool.request` takes twice the CPU.
 */
export function wholeAnswer(
  pool: Dispatcher,
  request: Dispatcher.DispatchOptions,
  timeoutMs: number,
): Promise<WholeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WholeAnswer>();
  const chunks: Buffer[] = [];
  let status = 0;
  let controller: Dispatcher.DispatchController | undefined;
  let expired: Error | undefined;
  const timer = setTimeout(() => {
    expired = expiry();
    if (controller === undefined) reject(expired);
    else controller.abort(expired);
  }, timeoutMs);
  pool.dispatch(request, {
    onRequestStart: (started) => {
      controller = started;
      // Timed out while queued for a connection: nothing is sent.
      if (expired !== undefined) controller.abort(expired);
    },
    onResponseStart: (_controller, received) => {
      status = received;
    },
    onResponseData: (_controller, chunk) => {
      chunks.push(chunk);
    },
    onResponseEnd: () => {
      clearTimeout(timer);
      resolve({ status, text: Buffer.concat(chunks).toString('utf8') });
    },
    onResponseError: (_controller, error) => {
      clearTimeout(timer);
      reject(error);
    },
  });
  return promise;
}
