import type { FastifyBaseLogger, FastifyLogFn } from 'fastify';
import type { Bindings } from 'pino';
import { logLevels } from './levels.ts';

/**
 * A request's logger: a child of `parent` that adds the request's ids, created on first use. Most requests
 * have only one log entry, which has the ids as fields, and creating a child costs nearly as much as an entry.
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
  #created: FastifyBaseLogger | undefined;

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
    this.#created ??= this.#parent.child(this.#ids());
    return this.#created;
  }

  static {
    for (const level of logLevels) {
      const log = function (this: RequestLogger, ...line: [unknown]) {
        this.#child[level](...line);
      };
      Object.defineProperty(RequestLogger.prototype, level, { value: log });
    }
  }
}
