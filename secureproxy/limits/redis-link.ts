import type { createClient } from '@redis/client';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { plainError } from '../../shared/log/plain-error.ts';
import { membersScript } from './redis-scripts.ts';

/** A call waits so long for Redis at most, once: afterwards Redis counts as away for {@link restMs}. */
const commandTimeoutMs = 500;
const restMs = 1000;
const connectTimeoutMs = 2000;
const maxReconnectMs = 1000;
/** How often this process says that it counts here, and how long others take it for one that does. */
const beatMs = 5000;
const memberTtlMs = 60_000;
/** A connection that is silent for so long, pings included, is made again. */
const pingMs = 1000;
const silenceMs = 5000;
/** Commands that wait for a Redis that does not read. */
const maxCommands = 10_000;
const membersKey = 'secureproxy:limit-members';
const clockKey = 'secureproxy:limit-clock';

type Client = ReturnType<typeof clientOf>;

interface RedisLinkOptions {
  readonly url: string;
  readonly memberId: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
  /** How many processes share a limit while Redis is away, for the log. */
  readonly processes: () => number;
}

/** A connection to Redis that reconnects. It logs once when Redis is away, and when it is back. */
export class RedisLink {
  /** The most processes that counted here within a minute, as last seen; 1 before Redis answered. */
  members = 1;
  readonly #options: RedisLinkOptions;
  #client: Client | undefined;
  #restsUntil = -Infinity;
  #isAway = false;
  #beat: NodeJS.Timeout | undefined;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  /** Begins to connect; resolves when the library is loaded. */
  async start(): Promise<void> {
    const { createClient: create } = await import('@redis/client');
    const client = clientOf(create, this.#options.url);
    this.#client = client;
    client.on('error', (error: Error) => {
      this.#fail(error);
      // Otherwise it reconnects by itself.
      if (client.isReady) this.#startOver(client);
    });
    client.on('ready', () => {
      this.#restsUntil = -Infinity;
      void this.#announce();
    });
    // Rejects only once it is destroyed; each failure is an `error` event.
    client.connect().catch(() => undefined);
    this.#beat = setInterval(() => void this.#announce(), beatMs);
    this.#beat.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#beat);
    const client = this.#client;
    await this.#ask((one) => one.zRem(membersKey, this.#options.memberId));
    this.#client = undefined;
    client?.destroy();
  }

  /**
   * Resolves to a script's answer; to undefined if Redis is away. It is sent as a text, since one that Redis lacks by its
   * digest would be sent again, behind what gives its slots back.
   * @param length of its answer; what answers otherwise is taken for away
   */
  async run(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    length = 0,
  ): Promise<readonly unknown[] | undefined> {
    const options = { keys: [...keys, clockKey], arguments: args.map(String) };
    return this.#ask(async (client) => {
      const answer: unknown = await client.eval(script, options);
      if (length === 0) return [];
      if (isFlat(answer) && answer.length === length) return answer;
      this.#startOver(client);
      throw new Error('Redis answers a script as none of ours does');
    });
  }

  /** For a connection with bytes that answer nothing: it is not known which command the next ones answer. */
  #startOver(client: Client): void {
    client.destroy();
    const connect = () => {
      if (this.#client === client) client.connect().catch(() => undefined);
    };
    setTimeout(connect, restMs).unref();
  }

  /** Sent also while Redis counts as away, since it may still do what it was asked before. */
  remove(key: string, member: string): void {
    if (this.#client?.isReady) this.#client.zRem(key, member).catch(() => undefined);
  }

  async #ask<T>(command: (client: Client) => Promise<T>): Promise<T | undefined> {
    const client = this.#client;
    if (client?.isReady !== true || this.#options.clock.monotonic() < this.#restsUntil) {
      return undefined;
    }
    const late = Promise.withResolvers<never>();
    const expire = () =>
      late.reject(new Error(`Redis did not answer within ${commandTimeoutMs} ms`));
    // An answer that came while this process was busy is read before.
    const timer = setTimeout(() => setImmediate(expire), commandTimeoutMs);
    try {
      const answer = await Promise.race([command(client), late.promise]);
      this.#succeed();
      return answer;
    } catch (error) {
      this.#restsUntil = this.#options.clock.monotonic() + restMs;
      this.#fail(error as Error);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  async #announce(): Promise<void> {
    const args = [this.#options.memberId, memberTtlMs];
    const answer = await this.run(membersScript, [membersKey], args, 1);
    if (answer !== undefined) this.members = Math.max(1, Number(answer[0]) || 1);
  }

  #fail(error: Error): void {
    if (this.#isAway || this.#client === undefined) return;
    this.#isAway = true;
    this.#options.log.warn(
      { err: plainError(error), share: this.#options.processes() },
      'Redis is away: limits are counted by each process for its share',
    );
  }

  #succeed(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#options.log.info('Redis is back: limits are counted for all proxies');
  }
}

function isFlat(answer: unknown): answer is readonly unknown[] {
  const isPlain = (one: unknown) => typeof one === 'number' || typeof one === 'string';
  return Array.isArray(answer) && answer.every(isPlain);
}

function clientOf(create: typeof createClient, url: string) {
  return create({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxCommands,
    pingInterval: pingMs,
    socket: {
      connectTimeout: connectTimeoutMs,
      socketTimeout: silenceMs,
      reconnectStrategy: (retries) =>
        Math.min(50 * 2 ** retries, maxReconnectMs) * (0.5 + Math.random() / 2),
    },
  });
}
