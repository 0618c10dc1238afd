import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { plainError } from '../../shared/log/plain-error.ts';
import { RedisConnection, type RedisLibrary } from '../redis/connection.ts';
import { membersScript } from './redis-scripts.ts';

/** A call waits so long for Redis at most, once: afterwards Redis counts as away for {@link restMs}. */
const commandTimeoutMs = 500;
const restMs = 1000;
/** How often this process says that it counts here, and how long others take it for one that does. */
const beatMs = 5000;
const memberTtlMs = 60_000;
/** Slots that are remembered as left while Redis is away. Older ones end with their lease. */
const maxLeft = 5000;
const membersKey = 'secureproxy:limit-members';
const clockKey = 'secureproxy:limit-clock';

interface RedisLinkOptions {
  readonly url: string;
  readonly memberId: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
  /** How many processes share a limit while Redis is away, for the log. */
  readonly processes: () => number;
  /** Called when Redis answers at first, or again: it may know nothing of what came here before. */
  readonly onAnswering?: () => void;
}

/** A connection to Redis that reconnects. It logs once when Redis is away, and when it is back. */
export class RedisLink {
  /** The most processes that counted here within a minute, as last seen; 1 before Redis answered. */
  members = 1;
  readonly #options: RedisLinkOptions;
  #connection: RedisConnection | undefined;
  readonly #left: (readonly [key: string, member: string])[] = [];
  #restsUntil = -Infinity;
  #state: 'untried' | 'away' | 'answering' = 'untried';
  #beat: NodeJS.Timeout | undefined;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  /** Begins to connect; resolves when the library is loaded. */
  async start(): Promise<void> {
    this.#connect(await import('@redis/client'));
    this.#beat = setInterval(() => void this.#announce(), beatMs);
    this.#beat.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#beat);
    const connection = this.#connection;
    await this.#ask((one) => one.send(['ZREM', membersKey, this.#options.memberId]));
    this.#connection = undefined;
    connection?.end(new Error('it is not needed any more'));
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
    const declared = [...keys, clockKey];
    const command = ['EVAL', script, String(declared.length), ...declared, ...args.map(String)];
    return this.#ask(async (connection) => {
      const answer = await connection.send(command);
      if (length === 0 && !(answer instanceof Error)) return [];
      if (isFlat(answer) && answer.length === length) return answer;
      const error =
        answer instanceof Error ? answer : new Error('Redis answers a script as none of ours does');
      // It may answer the next command with this one's answer, or be a primary no longer.
      connection.end(error);
      throw error;
    });
  }

  /**
   * Sent also while Redis counts as away, since it may still do what it was asked before, and again once it is back if it
   * was not answered.
   */
  remove(key: string, member: string): void {
    this.#connection?.send(['ZREM', key, member]).catch(() => {
      if (this.#left.push([key, member]) > maxLeft) this.#left.shift();
    });
  }

  #connect(library: RedisLibrary): void {
    const connection = new RedisConnection({
      library,
      url: this.#options.url,
      onReady: () => {
        this.#restsUntil = -Infinity;
        for (const [key, member] of this.#left.splice(0)) this.remove(key, member);
        void this.#announce();
      },
      onEnd: (error) => {
        this.#fail(error);
        const again = () => {
          if (this.#connection === connection) this.#connect(library);
        };
        setTimeout(again, restMs * (0.5 + Math.random() / 2)).unref();
      },
    });
    this.#connection = connection;
  }

  async #ask<T>(command: (connection: RedisConnection) => Promise<T>): Promise<T | undefined> {
    const connection = this.#connection;
    if (connection === undefined || !this.#canAsk(connection)) return undefined;
    const late = Promise.withResolvers<never>();
    const expire = () =>
      late.reject(new Error(`Redis did not answer within ${commandTimeoutMs} ms`));
    // An answer that came while this process was busy is read before.
    const timer = setTimeout(() => setImmediate(expire), commandTimeoutMs);
    try {
      const answer = await Promise.race([command(connection), late.promise]);
      // It may answer while it rests from another call, or behind an error that ended the connection: then it takes no more.
      if (this.#canAsk(connection)) this.#succeed();
      return answer;
    } catch (error) {
      this.#restsUntil = this.#options.clock.monotonic() + restMs;
      this.#fail(error as Error);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  #canAsk({ isReady }: RedisConnection): boolean {
    return isReady && this.#options.clock.monotonic() >= this.#restsUntil;
  }

  async #announce(): Promise<void> {
    const args = [this.#options.memberId, memberTtlMs];
    const answer = await this.run(membersScript, [membersKey], args, 1);
    if (answer !== undefined) this.members = Math.max(1, Number(answer[0]) || 1);
  }

  #fail(error: Error): void {
    if (this.#state === 'away' || this.#connection === undefined) return;
    this.#state = 'away';
    this.#options.log.warn(
      { err: plainError(error), share: this.#options.processes() },
      'Redis is away: limits are counted by each process for its share',
    );
  }

  #succeed(): void {
    if (this.#state === 'answering') return;
    const wasAway = this.#state === 'away';
    this.#state = 'answering';
    if (wasAway) this.#options.log.info('Redis is back: limits are counted for all proxies');
    this.#options.onAnswering?.();
  }
}

function isFlat(answer: unknown): answer is readonly unknown[] {
  const isPlain = (one: unknown) => typeof one === 'number' || typeof one === 'string';
  return Array.isArray(answer) && answer.every(isPlain);
}
