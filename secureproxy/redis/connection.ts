import { isIP, type Socket } from 'node:net';
import { boundedSocket } from './bounded-answers.ts';

/** How often it checks that Redis answers, and after how many checks without an answer it ends. */
const beatMs = 1000;
const maxBeats = 5;
/** Commands that wait for a Redis that does not read. */
const maxCommands = 10_000;

export type RedisLibrary = typeof import('@redis/client');

interface RedisConnectionOptions {
  readonly library: RedisLibrary;
  readonly url: string;
  /** It is authenticated, and takes commands. */
  readonly onReady: () => void;
  /** Called once. */
  readonly onEnd: (error: Error) => void;
}

/** One connection to Redis, which is not made again. It ends if bytes are no answer, or if an answer does not come. */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #client: ReturnType<RedisLibrary['createClient']>;
  readonly #socket: Socket;
  readonly #beat: NodeJS.Timeout;
  #beats = 0;
  #state: 'connecting' | 'ready' | 'ended' = 'connecting';

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    const host = new URL(options.url).hostname.replace(/^\[|\]$/g, '');
    this.#client = options.library.createClient({
      url: options.url,
      // Every version has it, and answers of RESP 3 have more forms, which would have to be checked.
      RESP: 2,
      disableClientInfo: true,
      disableOfflineQueue: true,
      commandsQueueMaxLength: maxCommands,
      // The library tells TLS no name by itself, which servers behind one address need.
      socket: { reconnectStrategy: false, servername: isIP(host) === 0 ? host : '' },
    });
    this.#client
      .on('ready', () => this.#ping())
      .on('error', (error: Error) => {
        // The library's own, for bytes that answer nothing.
        const isUnasked = error instanceof TypeError;
        this.end(isUnasked ? new Error('Redis answers what it was not asked') : error);
      });
    // Its failures are events, too.
    this.#socket = boundedSocket(() => void this.#client.connect().catch(() => undefined));
    // A process whose start fails must end.
    this.#socket.unref();
    this.#beat = setInterval(() => this.#check(), beatMs);
    this.#beat.unref();
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** Resolves to the answer, which may be an error of Redis; rejects if the connection ends before. */
  async send(command: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(command);
    } catch (error) {
      if (error instanceof this.#options.library.ErrorReply) return error;
      throw error;
    }
  }

  end(error: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearInterval(this.#beat);
    this.#client.destroy();
    // The library does not destroy a socket that still connects.
    this.#socket.destroy();
    this.#options.onEnd(error);
  }

  #check(): void {
    if (++this.#beats === maxBeats) this.end(new Error('Redis does not answer'));
    else if (this.isReady) this.#ping();
  }

  #ping(): void {
    const onAnswer = (answer: unknown) => {
      // The bytes behind the answer may have ended it.
      if (this.#state === 'ended') return;
      if (typeof answer !== 'string') {
        this.end(answer instanceof Error ? answer : new Error('Redis answers otherwise'));
        return;
      }
      this.#beats = 0;
      if (this.isReady) return;
      this.#state = 'ready';
      this.#options.onReady();
    };
    this.send(['PING']).then(onAnswer, () => undefined);
  }
}
