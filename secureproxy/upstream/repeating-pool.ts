import { Client, type Dispatcher, Pool } from 'undici';
import { isStale } from './answer-start.ts';
import { type CarriedHandler, type ConnectionOptions, connection } from './connection.ts';

/** Safe methods (RFC 9110 §9.2.1): to carry one out twice is harmless. */
export const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A pool that sends a safe request without a body once more, on a new connection, if the upstream had
 * closed the pooled one: no byte of an answer came (RFC 9110 §9.2.2).
 */
export class RepeatingPool extends Pool {
  readonly #fresh: () => Client;

  constructor(origin: string, connections: number, options: Client.Options) {
    super(origin, {
      ...options,
      connections,
      factory: (to, given) => connection(to, given as ConnectionOptions),
    });
    this.#fresh = () => new Client(origin, options);
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: CarriedHandler) {
    if (options.body !== null || !safeMethods.has(options.method))
      return super.dispatch(options, handler);
    return super.dispatch(
      options,
      new Repeatable(handler, () => {
        handler.onRepeat?.();
        const client = this.#fresh();
        client.dispatch(options, handler);
        // Ends the connection after the call.
        void client.close();
      }),
    );
  }
}

class Repeatable implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #repeat: () => void;

  constructor(handler: Dispatcher.DispatchHandler, repeat: () => void) {
    this.#handler = handler;
    this.#repeat = repeat;
  }

  onRequestStart(...args: Parameters<Required<Dispatcher.DispatchHandler>['onRequestStart']>) {
    this.#handler.onRequestStart?.(...args);
  }

  onResponseStart(...args: Parameters<Required<Dispatcher.DispatchHandler>['onResponseStart']>) {
    this.#handler.onResponseStart?.(...args);
  }

  onResponseData(...args: Parameters<Required<Dispatcher.DispatchHandler>['onResponseData']>) {
    this.#handler.onResponseData?.(...args);
  }

  onResponseEnd(...args: Parameters<Required<Dispatcher.DispatchHandler>['onResponseEnd']>) {
    this.#handler.onResponseEnd?.(...args);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error) {
    if (isStale(error)) this.#repeat();
    else this.#handler.onResponseError?.(controller, error);
  }
}
