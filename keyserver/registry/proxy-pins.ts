import type { Clock } from '../../shared/clock.ts';

/** A process of a proxy that has not told its pins for so long counts as dead; it tells them every second. */
const deadAfterMs = 30_000;
/** Processes of one proxy may pin differently while they are restarted, one after another. */
const maxPinnings = 16;
/** More names of proxies would say no more to the operator. */
const maxNames = 10;

interface Pinning {
  readonly pins: ReadonlySet<string>;
  readonly toldAt: number;
}

/** The pins of KeyServer's public key that proxies told lately: an RSA key that one lacks would end its calls. */
export class ProxyPins {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** By proxy, and by its pins as text, the latest told last. */
  readonly #told = new Map<string, Map<string, Pinning>>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** @param pins the only key ids that a process of the proxy accepts; empty: any */
  note(proxy: string, pins: readonly string[]): void {
    const pinnings = this.#told.get(proxy) ?? new Map<string, Pinning>();
    const text = pins.toSorted().join(' ');
    pinnings.delete(text);
    pinnings.set(text, { pins: new Set(pins), toldAt: this.#clock.monotonic() });
    const [oldest] = pinnings.keys();
    if (pinnings.size > maxPinnings && oldest !== undefined) pinnings.delete(oldest);
    this.#told.set(proxy, pinnings);
  }

  /** The proxies that would reject a key, each of at most ten; keys that none rejects are left out. */
  rejecting(keyIds: readonly string[]): Record<string, string[]> {
    this.#forget();
    const found = keyIds.map((keyId) => [keyId, this.#rejecting(keyId)] as const);
    return Object.fromEntries(found.filter(([, proxies]) => proxies.length > 0));
  }

  #rejecting(keyId: string): string[] {
    const isRejected = ({ pins }: Pinning) => pins.size > 0 && !pins.has(keyId);
    return [...this.#told]
      .filter(([, pinnings]) => [...pinnings.values()].some(isRejected))
      .map(([proxy]) => proxy)
      .sort()
      .slice(0, maxNames);
  }

  #forget(): void {
    const end = this.#clock.monotonic() - deadAfterMs;
    for (const [proxy, pinnings] of this.#told) {
      for (const [text, { toldAt }] of pinnings) if (toldAt < end) pinnings.delete(text);
      if (pinnings.size === 0) this.#told.delete(proxy);
    }
  }
}
