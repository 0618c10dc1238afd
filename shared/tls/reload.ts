import type { Logger } from 'pino';
import { ConfigError } from '../settings/config.ts';
import {
  checkTlsMaterial,
  expiryOf,
  readTlsFiles,
  type TlsFiles,
  type TlsMaterial,
} from './files.ts';

/**
 * The files are polled, not watched: polling works on every file system, and also notices the swapped links
 * of a Kubernetes secret (`..data`).
 */
const pollIntervalMs = 2000;

/**
 * Certificate, key and CA from files, reloaded when the files change. They are checked as a set; while the
 * files cannot be used, the material loaded before stays in use.
 */
export class ReloadedTls {
  readonly #files: TlsFiles;
  readonly #log: Logger;
  readonly #listeners: ((material: TlsMaterial) => void)[] = [];
  #current: TlsMaterial;
  /** The fault that the last poll found. */
  #fault: string | undefined;
  #isFaultReported = false;
  #timer: NodeJS.Timeout | undefined;

  /** @throws ConfigError if the files cannot be used */
  constructor(files: TlsFiles, log: Logger) {
    this.#files = files;
    this.#log = log;
    const material = readTlsFiles(files);
    checkTlsMaterial(material, files);
    this.#current = material;
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  /** Calls `apply` with the current material, and again whenever it changes. */
  use(apply: (material: TlsMaterial) => void): void {
    apply(this.#current);
    this.#listeners.push(apply);
  }

  /** Polls the files until `stop`. */
  start(): void {
    this.#timer = setInterval(() => this.poll(), pollIntervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reloads the files if they have changed. */
  poll(): void {
    try {
      const material = readTlsFiles(this.#files);
      if (!isSame(material, this.#current)) {
        checkTlsMaterial(material, this.#files);
        this.#current = material;
        for (const apply of this.#listeners) apply(material);
        this.#log.info({ expires_at: expiryOf(material) }, 'TLS files changed: loaded');
      } else if (this.#isFaultReported) {
        this.#log.info('TLS files are as before again');
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
      this.#log.error({ fault }, 'TLS files cannot be used: the ones loaded before stay');
      this.#isFaultReported = true;
    }
    this.#fault = fault;
  }
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return one.cert === other.cert && one.key === other.key && one.ca === other.ca;
}
