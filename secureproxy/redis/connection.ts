import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RedisAddress } from './address.ts';
import { AnswerReader, type RedisAnswer } from './answers.ts';

/** How often it looks for a command without an answer, and sends one if there is none. */
const beatMs = 1000;
/** Beats that a command may be without an answer, the first ones while it connects. */
const maxBeats = 5;
/** Commands that wait for a Redis that does not read. */
const maxCommands = 10_000;

interface Command {
  readonly resolve: (answer: RedisAnswer) => void;
  readonly reject: (error: Error) => void;
  beats: number;
}

interface RedisConnectionOptions {
  readonly address: RedisAddress;
  /** It is authenticated, and takes commands. */
  readonly onReady: () => void;
  /** Called once. */
  readonly onEnd: (error: Error) => void;
}

/** One connection to Redis. It ends with the first answer that is none, or that does not come. */
export class RedisConnection {
  readonly #socket: Socket;
  readonly #options: RedisConnectionOptions;
  readonly #reader = new AnswerReader();
  /** In the order in which Redis answers them. */
  readonly #waiting: Command[] = [];
  readonly #beat: NodeJS.Timeout;
  #state: 'connecting' | 'ready' | 'ended' = 'connecting';

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    const { address } = options;
    this.#socket = connectTo(address)
      .on('error', (error) => this.end(error))
      .on('close', () => this.end(new Error('Redis closed the connection')))
      .on('data', (bytes: Buffer) => this.#take(bytes));
    this.#beat = setInterval(() => this.#check(), beatMs);
    this.#beat.unref();
    for (const command of greetings(address)) this.#ask(command);
    this.#ask(['PING'], () => {
      this.#state = 'ready';
      options.onReady();
    });
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** Resolves to the answer, which may be an error of Redis; rejects if the connection ends before. */
  send(command: readonly string[]): Promise<RedisAnswer> {
    if (!this.isReady || this.#waiting.length >= maxCommands) {
      return Promise.reject(new Error('Redis takes no commands now'));
    }
    return this.#write(command);
  }

  end(error: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearInterval(this.#beat);
    this.#socket.destroy();
    for (const { reject } of this.#waiting) reject(error);
    this.#options.onEnd(error);
  }

  #write(command: readonly string[]): Promise<RedisAnswer> {
    // Commands of one turn of the event loop go out together.
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      setImmediate(() => this.#socket.uncork());
    }
    this.#socket.write(encode(command));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject, beats: 0 });
    });
  }

  /** For a command that every Redis answers with a word. */
  #ask(command: readonly string[], onAnswer: () => void = () => undefined): void {
    this.#write(command).then(
      (answer) => {
        // The bytes behind the answer may have ended it.
        if (this.#state === 'ended') return;
        if (typeof answer === 'string') onAnswer();
        else this.end(answer instanceof Error ? answer : new Error('Redis answers otherwise'));
      },
      () => undefined,
    );
  }

  #take(bytes: Buffer): void {
    try {
      for (const answer of this.#reader.read(bytes)) {
        const command = this.#waiting.shift();
        if (command === undefined) throw new Error('Redis answers what it was not asked');
        command.resolve(answer);
      }
    } catch (error) {
      this.end(error as Error);
    }
  }

  #check(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined) this.#ask(['PING']);
    else if (++oldest.beats === maxBeats) this.end(new Error('Redis does not answer'));
  }
}

function connectTo({ host, port, isTls }: RedisAddress): Socket {
  const options = { host, port, noDelay: true, keepAlive: true };
  if (!isTls) return connectTcp(options);
  return connectTls(isIP(host) === 0 ? { ...options, servername: host } : options);
}

function greetings({ username, password, database }: RedisAddress): string[][] {
  const credentials = username === '' ? [password] : [username, password];
  return [
    ...(password === '' ? [] : [['AUTH', ...credentials]]),
    ...(database === 0 ? [] : [['SELECT', String(database)]]),
  ];
}

function encode(command: readonly string[]): string {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${command.length}\r\n${parts.join('')}`;
}
