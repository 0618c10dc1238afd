import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { plainError } from '../../shared/log/plain-error.ts';
import { Poll, type PollOptions } from '../../shared/process/poll.ts';
import { version } from '../../shared/settings/version.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { LoadedRsaKeys } from '../keys/rsa-keys.ts';
import type { KeyUses } from '../registry/key-uses.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import { isStoreError } from '../store/store-error.ts';
import { beatMs, type Report, readReport, sealReport } from './report.ts';

/** Later reports tell nothing of proxies. */
const lateSeconds = 10;
/** Pause after a lock, which lasts for one transaction. */
const lockedMs = 500;
/** Number of locks in a row after which a warning is logged, as after any other fault. */
const maxLocked = 10;

interface HeartbeatOptions extends Pick<PollOptions, 'sleep'> {
  readonly store: Pick<Store, 'putReplica' | 'putKeyUses' | 'replicas'>;
  readonly keyring: Keyring;
  readonly rsaKeys: LoadedRsaKeys;
  readonly registry: Pick<Registry, 'history' | 'seq' | 'proxyPins' | 'proxyProcesses'>;
  readonly keyUses: KeyUses;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  readonly instance: string;
  readonly workers: number;
  readonly servesLegacyRows: boolean;
}

/** Tells the operator's tool and other KeyServers, by the database, which keys this process has loaded, and what it knows. */
export class Heartbeat extends Poll {
  readonly #options: HeartbeatOptions;
  readonly #id = randomUUID();
  readonly #atRest: ReturnType<typeof primacy>;
  readonly #rsa: ReturnType<typeof primacy>;
  #beat = 0;
  #hasFailed = false;
  #locked = 0;

  constructor(options: HeartbeatOptions) {
    const { clock, sleep } = options;
    super({ sleep, attempt: () => this.#attempt() });
    this.#options = options;
    this.#atRest = primacy(clock);
    this.#rsa = primacy(clock);
  }

  /** Reports a last time that the process stops: tickets that it issued outlive it. */
  override async stop(): Promise<void> {
    await super.stop();
    if (this.#beat > 0) await this.#put(true).catch(() => undefined);
  }

  /** Reports once. @throws StoreError */
  async beat(): Promise<void> {
    const { store, keyUses, registry } = this.#options;
    await this.#put(false);
    registry.proxyProcesses.learn(await this.#proxiesElsewhere());
    await keyUses.flush((uses) => store.putKeyUses(uses));
  }

  async #proxiesElsewhere(): Promise<string[]> {
    const { store, keyring } = this.#options;
    return (await store.replicas())
      .filter(({ id, ageSeconds }) => id !== this.#id && ageSeconds < lateSeconds)
      .map((row) => readReport(keyring, row).report)
      .flatMap((report) => (report?.stopped === false && report.proxies) || []);
  }

  async #attempt(): Promise<number> {
    const { log } = this.#options;
    try {
      await this.beat();
      if (this.#hasFailed) log.info('report is stored again');
      this.#hasFailed = false;
      this.#locked = 0;
    } catch (error) {
      this.#locked = isStoreError(error, 'locked') ? this.#locked + 1 : 0;
      if (this.#locked > 0 && this.#locked < maxLocked) return lockedMs;
      // Once an outage; `database unreachable` tells most of them.
      if (!this.#hasFailed) log.warn({ err: plainError(error) }, 'report not stored');
      this.#hasFailed = true;
    }
    return beatMs;
  }

  async #put(stopped: boolean): Promise<void> {
    const { store, keyring, rsaKeys, registry, clock, instance, workers, servesLegacyRows } =
      this.#options;
    this.#beat += 1;
    const report: Report = {
      instance,
      host: hostname(),
      workers,
      version,
      atRest: { ...this.#atRest(keyring.primaryId), keys: keyring.ids },
      rsa: { ...this.#rsa(rsaKeys.primary.keyId), keys: rsaKeys.keyIds },
      history: registry.history,
      seq: registry.seq,
      servesLegacyRows,
      rejectedBy: registry.proxyPins.rejecting(rsaKeys.keyIds),
      proxies: [...registry.proxyProcesses.here],
      now: clock.now(),
      stopped,
    };
    await store.putReplica(sealReport(keyring, this.#id, this.#beat, report));
  }
}

/** Remembers since when a key is the primary one. */
function primacy(clock: Pick<Clock, 'now'>) {
  let known = { primary: '', since: 0 };
  return (primary: string) => {
    if (primary !== known.primary) known = { primary, since: clock.now() };
    return known;
  };
}
