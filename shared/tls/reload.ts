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
 * How often the files are looked at. Looking, not watching: it works on every file system, and sees
 * the swapped links of a Kubernetes secret (`..data`), too.
 */
const lookEveryMs = 2000;

/**
 * Certificate, key and CA from files, always as a set that was checked together. What changes in the
 * files is taken over; while they cannot be used, what was loaded before stays.
 */
export class ReloadedTls {
  readonly #files: TlsFiles;
  readonly #log: Logger;
  readonly #uses: ((material: TlsMaterial) => void)[] = [];
  #current: TlsMaterial;
  /** What was wrong at the last look. */
  #fault: string | undefined;
  #isFaultSaid = false;
  #timer: NodeJS.Timeout | undefined;

  /** @throws ConfigError where the files cannot be used */
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

  /** Calls `use` with the material of now, and again whenever it has changed. */
  use(use: (material: TlsMaterial) => void): void {
    use(this.#current);
    this.#uses.push(use);
  }

  /** Begins to look for changes, until `stop`. */
  start(): void {
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Takes over what has changed in the files. */
  look(): void {
    try {
      const material = readTlsFiles(this.#files);
      if (!isSame(material, this.#current)) {
        checkTlsMaterial(material, this.#files);
        this.#current = material;
        for (const use of this.#uses) use(material);
        this.#log.info({ expires_at: expiryOf(material) }, 'TLS files changed: loaded');
      } else if (this.#isFaultSaid) {
        this.#log.info('TLS files are as before again');
      }
      this.#fault = undefined;
      this.#isFaultSaid = false;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#refuse(error.faults.join('; '));
    }
  }

  #refuse(fault: string): void {
    // Files are written one after the other: only what is still wrong at the next look is a fault.
    if (fault !== this.#fault) this.#isFaultSaid = false;
    else if (!this.#isFaultSaid) {
      this.#log.error({ fault }, 'TLS files cannot be used: the ones loaded before stay');
      this.#isFaultSaid = true;
    }
    this.#fault = fault;
  }
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return one.cert === other.cert && one.key === other.key && one.ca === other.ca;
}
