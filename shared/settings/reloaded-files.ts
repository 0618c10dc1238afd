import type { Logger } from 'pino';
import { ConfigError } from './config.ts';

/**
 * The files are polled, not watched: polling works on every file system, and also notices the swapped links
 * of a Kubernetes secret (`..data`).
 */
const pollIntervalMs = 2000;

interface FileSource<T> {
  /** @throws ConfigError if a file cannot be read */
  read(): T;
  /** @throws ConfigError if the content cannot be used */
  check(content: T): void;
  isSame(one: T, other: T): boolean;
  describe(content: T): object;
  readonly messages: {
    readonly loaded: string;
    readonly restored: string;
    readonly unusable: string;
  };
}

/** Content of files, reloaded when they change; while they cannot be used, the content loaded before stays. */
export class ReloadedFiles<T> {
  readonly #source: FileSource<T>;
  readonly #log: Logger;
  readonly #listeners: ((content: T) => void)[] = [];
  #current: T;
  #fault: string | undefined;
  #isFaultReported = false;
  #timer: NodeJS.Timeout | undefined;

  /** @throws ConfigError if the files cannot be used */
  constructor(source: FileSource<T>, log: Logger) {
    this.#source = source;
    this.#log = log;
    this.#current = source.read();
    source.check(this.#current);
  }

  get current(): T {
    return this.#current;
  }

  /** Calls `apply` with the current content, and again whenever it changes. */
  use(apply: (content: T) => void): void {
    apply(this.#current);
    this.#listeners.push(apply);
  }

  start(): void {
    this.#timer = setInterval(() => this.poll(), pollIntervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  poll(): void {
    const { read, check, isSame, describe, messages } = this.#source;
    try {
      const content = read();
      if (!isSame(content, this.#current)) {
        check(content);
        this.#current = content;
        for (const apply of this.#listeners) apply(content);
        this.#log.info(describe(content), messages.loaded);
      } else if (this.#isFaultReported) {
        this.#log.info(messages.restored);
      }
      this.#fault = undefined;
      this.#isFaultReported = false;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#report(error.faults.join('; '));
    }
  }

  #report(fault: string): void {
    // Files are replaced one after the other, so a fault is logged only if the next poll finds it again.
    if (fault !== this.#fault) this.#isFaultReported = false;
    else if (!this.#isFaultReported) {
      this.#log.error({ fault }, this.#source.messages.unusable);
      this.#isFaultReported = true;
    }
    this.#fault = fault;
  }
}
