import type { Clock } from '../../shared/clock.ts';

/** A process that has not told its id for so long counts as gone; it tells it every second. */
const goneAfterMs = 10_000;
/** A proxy's key that was stolen could tell any number. */
const maxProcesses = 256;

/** The processes of proxies that lately asked for changes: they share the limits of types. */
export class ProxyProcesses {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** When each told its id here, the latest last. */
  readonly #toldAt = new Map<string, number>();
  #elsewhere: ReadonlySet<string> = new Set();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  note(process: string): void {
    this.#toldAt.delete(process);
    this.#toldAt.set(process, this.#clock.monotonic());
    const [oldest] = this.#toldAt.keys();
    if (this.#toldAt.size > maxProcesses && oldest !== undefined) this.#toldAt.delete(oldest);
  }

  /** Replaces those that told their ids to other KeyServers, which may be noted here, too. */
  learn(elsewhere: Iterable<string>): void {
    this.#elsewhere = new Set([...elsewhere].slice(0, maxProcesses));
  }

  get here(): readonly string[] {
    const end = this.#clock.monotonic() - goneAfterMs;
    for (const [process, at] of this.#toldAt) if (at <= end) this.#toldAt.delete(process);
    return [...this.#toldAt.keys()];
  }

  get count(): number {
    return this.#elsewhere.union(new Set(this.here)).size;
  }
}
