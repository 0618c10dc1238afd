import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadCount } from './count.ts';
import type { LoadOrder, LoadOutcome } from './order.ts';

/** Interval between batches of requests. */
const tickMs = 1;
/** Longer than any answer of a healthy service; a run must end. */
const timeoutMs = 10_000;
/** Below the listen backlog: beyond it, a connection is tried again only after seconds. */
const maxConnecting = 100;
const headEnd = '\r\n\r\n';

/**
 * Sends requests at a rate, whether or not earlier ones were answered, over up to `concurrency` connections;
 * a request that finds none free is not sent. It uses plain sockets: an HTTP client would cost as much as the
 * measured service, and would search all connections for a free one each time.
 */
export async function runPacedLoad(
  order: LoadOrder & { readonly ratePerSecond: number },
  bodies: readonly Buffer[],
): Promise<LoadOutcome> {
  const { url, concurrency, ratePerSecond } = order;
  const { hostname, port } = new URL(url);
  const requests = bodies.map((body) => requestBytes(order, body));
  const free: Connection[] = [];
  const open = new Set<Connection>();
  let connecting = 0;
  const openOne = () => {
    const connection = new Connection(connect(Number(port), hostname), {
      onConnect: () => {
        connecting -= 1;
      },
      onFree: () => free.push(connection),
      onClose: () => open.delete(connection),
    });
    connecting += 1;
    open.add(connection);
    return connection;
  };
  const count = new LoadCount();
  const send = () => {
    let connection = free.pop();
    // The service closes connections that are idle for long.
    while (connection?.socket.destroyed) connection = free.pop();
    if (open.size < concurrency && connecting < maxConnecting) connection ??= openOne();
    if (connection === undefined) return;
    const sentAt = count.sent();
    const request = requests[count.requests % requests.length] as Buffer;
    connection.ask(request, (status) => count.answered(status, sentAt));
  };
  let due = 0;
  while (count.elapsedMs() < order.seconds * 1000) {
    const nowDue = Math.floor((count.elapsedMs() / 1000) * ratePerSecond);
    for (; due < nowDue; due++) send();
    await sleep(tickMs);
  }
  const seconds = count.elapsedMs() / 1000;
  const lastAt = count.elapsedMs() + timeoutMs;
  while (count.pending > 0 && count.elapsedMs() < lastAt) await sleep(tickMs);
  for (const { socket } of open) socket.destroy();
  // As its connection closes, a pending request counts as failed.
  while (count.pending > 0) await sleep(tickMs);
  return { ...count.outcome(), seconds };
}

function requestBytes({ method, url, headers }: LoadOrder, body: Buffer): Buffer {
  const { host, pathname } = new URL(url);
  const fields = { host, 'content-type': 'application/json', ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  const length = `content-length: ${body.length}`;
  const head = [`${method} ${pathname} HTTP/1.1`, ...lines, length].join('\r\n');
  return Buffer.concat([Buffer.from(head + headEnd), body]);
}

interface ConnectionEvents {
  readonly onConnect: () => void;
  readonly onFree: () => void;
  readonly onClose: () => void;
}

/** One connection with one request at a time; answers must have a `Content-Length`. */
class Connection {
  readonly socket: Socket;
  readonly #events: ConnectionEvents;
  #done: ((status: number) => void) | undefined;
  #head = '';
  #status = 0;
  #bytesLeft = 0;

  constructor(socket: Socket, events: ConnectionEvents) {
    this.socket = socket;
    this.#events = events;
    socket.setNoDelay(true).on('connect', events.onConnect);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      events.onClose();
      this.#done?.(0);
    });
  }

  /** Calls `done` with the status; 0 without a complete answer. */
  ask(request: Buffer, done: (status: number) => void): void {
    this.#done = done;
    this.socket.write(request);
  }

  #read(chunk: Buffer): void {
    if (this.#status !== 0) this.#bytesLeft -= chunk.length;
    else if (!this.#readHead(chunk)) return;
    if (this.#bytesLeft > 0) return;
    const [status, done] = [this.#status, this.#done];
    this.#status = 0;
    this.#done = undefined;
    this.#events.onFree();
    done?.(status);
  }

  #readHead(chunk: Buffer): boolean {
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf(headEnd);
    if (end < 0) return false;
    const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(this.#head) ?? [];
    this.#status = Number(this.#head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    this.#bytesLeft = Number(length) - (this.#head.length - end - headEnd.length);
    this.#head = '';
    return true;
  }
}
