import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A message as it came, its body without chunks. */
export interface WireMessage {
  /** Its first line. */
  readonly start: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** False if the connection ended before the message did. */
  readonly isWhole: boolean;
}

/** A step of an upstream: write bytes, wait for the request, end the connection. */
export type Act = (socket: Socket, whole: Promise<WireMessage>) => void | Promise<void>;

export interface WireUpstream {
  readonly port: number;
  /** The last request, also one that broke off. */
  last(): Promise<WireMessage>;
  next(act: Act): void;
}

/** An upstream that answers by bytes, from the moment on in which a request's head is there. */
export async function startWireUpstream(t: Pick<Test, 'teardown'>): Promise<WireUpstream> {
  let act: Act = () => undefined;
  let received = Promise.withResolvers<WireMessage>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    serve(socket, () => {
      const whole = received;
      return { whole, act };
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return {
    port: (server.address() as AddressInfo).port,
    last: () => received.promise,
    next: (given) => {
      act = given;
      received = Promise.withResolvers();
    },
  };
}

function serve(
  socket: Socket,
  begin: () => { readonly whole: PromiseWithResolvers<WireMessage>; readonly act: Act },
): void {
  let bytes = Buffer.alloc(0);
  let current: ReturnType<typeof begin> | undefined;
  const look = (isEnded: boolean) => {
    if (current === undefined && bytes.includes('\r\n\r\n')) {
      current = begin();
      void current.act(socket, current.whole.promise);
    }
    if (current === undefined) return;
    const message = readMessage(bytes, isEnded ? 'ended' : 'open', 'request');
    if (message === undefined) return;
    current.whole.resolve(message.message);
    bytes = bytes.subarray(message.length);
    current = undefined;
  };
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    look(false);
  });
  socket.on('close', () => look(true));
}

/** The final answer to one request on a connection of its own, and the status lines of interim ones. */
export interface WireAnswer extends WireMessage {
  readonly interim: readonly string[];
}

export interface Sent {
  readonly bytes: Buffer | string;
  /** Sent once an interim answer came. */
  readonly afterContinue?: string;
  /** Ends the connection once so many bytes came: 0 at once. */
  readonly hangUpAfter?: number;
  readonly isHead?: boolean;
}

export async function exchange(port: number, sent: Sent): Promise<WireAnswer> {
  const { afterContinue, hangUpAfter = Infinity, isHead = false } = sent;
  const socket = connect(port, '127.0.0.1');
  let bytes = Buffer.alloc(0);
  let rest = afterContinue;
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const done = Promise.withResolvers<WireAnswer>();
  const look = (state: 'open' | 'ended') => {
    const interim: string[] = [];
    let from = 0;
    for (;;) {
      const read = readMessage(bytes.subarray(from), state, isHead ? 'head' : 'answer');
      if (read === undefined) break;
      if (!/^HTTP\/1\.1 1\d\d/.test(read.message.start)) {
        done.resolve({ ...read.message, interim });
        socket.destroy();
        return;
      }
      interim.push(read.message.start);
      from += read.length;
    }
    if (interim.length > 0 && rest !== undefined) {
      socket.write(rest);
      rest = undefined;
    }
    if (state === 'ended')
      done.resolve({ start: '', headers: [], body: Buffer.alloc(0), isWhole: false, interim });
  };
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length > hangUpAfter) socket.destroy();
    else look('open');
  });
  socket.on('close', () => look('ended'));
  socket.write(sent.bytes);
  if (hangUpAfter === 0) socket.end();
  return done.promise;
}

type Kind = 'request' | 'answer' | 'head';

/** Undefined if more bytes are to come. */
function readMessage(
  bytes: Buffer,
  state: 'open' | 'ended',
  kind: Kind,
): { readonly message: WireMessage; readonly length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [start = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const headers = lines.map((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
  });
  const from = headEnd + 4;
  const body = readBody(bytes.subarray(from), state, kind, start, new Map(headers));
  if (body === undefined) return undefined;
  const { content, length, isWhole } = body;
  return { message: { start, headers, body: content, isWhole }, length: from + length };
}

function readBody(
  bytes: Buffer,
  state: 'open' | 'ended',
  kind: Kind,
  start: string,
  headers: ReadonlyMap<string, string>,
) {
  const none = { content: Buffer.alloc(0), length: 0, isWhole: true };
  if (kind === 'head' || /^HTTP\/1\.1 (?:1\d\d|204|304)/.test(start)) return none;
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(bytes, state);
  const announced = headers.get('content-length');
  if (announced === undefined) {
    if (kind === 'request') return none;
    return state === 'open' ? undefined : { content: bytes, length: bytes.length, isWhole: true };
  }
  const length = Number(announced);
  if (bytes.length < length && state === 'open') return undefined;
  return { content: bytes.subarray(0, length), length, isWhole: bytes.length >= length };
}

function readChunks(bytes: Buffer, state: 'open' | 'ended') {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size =
      lineEnd < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', lineEnd);
      if (end >= 0) return { content: Buffer.concat(chunks), length: end + 4, isWhole: true };
    }
    if (!(size > 0) || bytes.length < next) {
      const content = Buffer.concat(chunks);
      return state === 'open' ? undefined : { content, length: bytes.length, isWhole: false };
    }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}
