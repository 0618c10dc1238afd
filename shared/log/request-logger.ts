import type { FastifyBaseLogger, FastifyLogFn } from 'fastify';
import type { Bindings } from 'pino';

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/**
 * Logs with a request's ids through a child of `parent` that is made when something is first said: most requests
 * have one line only, which has the ids as fields, and to make a child costs nearly as much as to write it.
 */
export class RequestLogger implements FastifyBaseLogger {
  declare readonly fatal: FastifyLogFn;
  declare readonly error: FastifyLogFn;
  declare readonly warn: FastifyLogFn;
  declare readonly info: FastifyLogFn;
  declare readonly debug: FastifyLogFn;
  declare readonly trace: FastifyLogFn;
  declare readonly silent: FastifyLogFn;
  readonly #parent: FastifyBaseLogger;
  readonly #ids: () => Bindings;
  #made: FastifyBaseLogger | undefined;

  constructor(parent: FastifyBaseLogger, ids: () => Bindings) {
    this.#parent = parent;
    this.#ids = ids;
  }

  get level(): string {
    return this.#parent.level;
  }

  child(...args: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.#child.child(...args);
  }

  get #child(): FastifyBaseLogger {
    this.#made ??= this.#parent.child(this.#ids());
    return this.#made;
  }

  static {
    for (const level of levels) {
      const log = function (this: RequestLogger, ...line: [unknown]) {
        this.#child[level](...line);
      };
      Object.defineProperty(RequestLogger.prototype, level, { value: log });
    }
  }
}
