import { Client, type Dispatcher, Pool } from 'undici';
import { type CarriedHandler, type ConnectionOptions, connection } from './connection.ts';

/** Safe methods (RFC 9110 §9.2.1): to carry one out twice is harmless. */
export const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A pool that lets a safe request without a body be sent once more, on a new connection, if the upstream had
 * closed the pooled one: no byte of an answer came (RFC 9110 §9.2.2).
 */
export class RepeatingPool extends Pool {
  readonly #origin: string;
  readonly #options: Client.Options;

  constructor(origin: string, connections: number, options: Client.Options) {
    super(origin, {
      ...options,
      connections,
      factory: (to, given) => connection(to, given as ConnectionOptions),
    });
    this.#origin = origin;
    this.#options = options;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: CarriedHandler) {
    const repeat = () => {
      handler.repeat = undefined;
      const client = new Client(this.#origin, this.#options);
      client.dispatch(options, handler);
      // Ends the connection after the call.
      void client.close();
    };
    if (options.body === null && safeMethods.has(options.method)) handler.repeat = repeat;
    return super.dispatch(options, handler);
  }
}
