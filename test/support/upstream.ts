import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import type { ServerIdentity } from './certificates.ts';

/** A request as it came in, byte by byte (latin1). */
export interface ReceivedRequest {
  readonly method: string;
  /** The request target as it stood in the first line. */
  readonly target: string;
  /** Names and values as sent, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly head: string;
  readonly body: Buffer;
  /** The number of the connection it came on, from 0. */
  readonly connection: number;
  /** All values of a header, whatever its case. */
  all(name: string): string[];
}

/** Answers a request by writing whatever bytes it likes. */
export type Script = (socket: Socket, request: ReceivedRequest) => void;

export interface UpstreamOptions {
  /** Speaks TLS with it; absent: plain http. */
  readonly identity?: ServerIdentity;
  /** Address to listen on; default `127.0.0.1`. */
  readonly host?: string;
  /** Default: any that is free. */
  readonly port?: number;
}

export interface Upstream {
  /** Origin with the host name `localhost`. */
  readonly url: string;
  readonly port: number;
  /** Requests that came in whole, in order. */
  readonly requests: ReceivedRequest[];
  /** The one request that came in. @throws where it was none or more */
  only(): ReceivedRequest;
  /** Connections that were opened so far. */
  connections(): number;
  open: Set<Socket>;
  /** The server names of the TLS connections, in order; false if none was sent. */
  readonly serverNames: readonly (string | false | null)[];
  /** Sets how requests are answered from now on. */
  script(answer: Script): void;
  close(): Promise<void>;
}

/** An upstream that does as it is told, over real sockets; it answers `200 ok` until told. */
export async function startUpstream(
  test: Pick<Test, 'teardown'>,
  options: UpstreamOptions = {},
): Promise<Upstream> {
  const { identity, host = '127.0.0.1' } = options;
  const requests: ReceivedRequest[] = [];
  const open = new Set<Socket>();
  const serverNames: (string | false | null)[] = [];
  let connections = 0;
  let script: Script = (socket) => void socket.write(answer(200, 'ok'));
  const serve = (socket: Socket) => {
    const connection = connections++;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    let received: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (;;) {
        const taken = takeRequest(received, connection);
        if (taken === undefined) return;
        received = taken.rest;
        requests.push(taken.request);
        script(socket, taken.request);
      }
    });
  };
  const server: Server = identity ? createTlsServer(identity, serve) : createServer(serve);
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', ({ servername }: TLSSocket) => serverNames.push(servername));
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    for (const socket of open) socket.destroy();
    if (server.listening) await new Promise((done) => server.close(done));
  };
  test.teardown(close);
  return {
    url: `${identity ? 'https' : 'http'}://localhost:${port}`,
    port,
    requests,
    only() {
      const [request] = requests;
      if (request === undefined || requests.length !== 1)
        throw new Error(`${requests.length} requests came in, not one`);
      return request;
    },
    connections: () => connections,
    open,
    serverNames,
    script: (next) => {
      script = next;
    },
    close,
  };
}

/** An answer's bytes, with a length unless a header frames the body. */
export function answer(
  status: number,
  body: string | Buffer = '',
  headers: readonly (readonly [name: string, value: string])[] = [],
): Buffer {
  const content = Buffer.from(body);
  const framed = headers.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
  const fields = framed ? headers : [...headers, ['Content-Length', String(content.length)]];
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Some\r\n${head}\r\n`, 'latin1'), content]);
}

/** A script that always answers so. */
export function answers(...content: Parameters<typeof answer>): Script {
  return (socket) => void socket.write(answer(...content));
}

/** A script that writes these bytes. */
export function writes(...bytes: readonly (string | Buffer)[]): Script {
  return (socket) => {
    for (const piece of bytes)
      socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
  };
}

/** A script that writes these bytes and ends the connection. */
export function writesAndEnds(...bytes: readonly (string | Buffer)[]): Script {
  return (socket, request) => {
    writes(...bytes)(socket, request);
    socket.end();
  };
}

function takeRequest(
  received: Buffer,
  connection: number,
): { request: ReceivedRequest; rest: Buffer } | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = received.toString('latin1', 0, end);
  const [first = '', ...lines] = head.split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = lines.map((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at), line.slice(at + 1).trim()] as const;
  });
  const all = (name: string) =>
    headers.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  const length = Number(all('content-length')[0] ?? 0);
  const start = end + 4;
  if (received.length < start + length) return undefined;
  const body = Buffer.from(received.subarray(start, start + length));
  return {
    request: { method, target, headers, head, body, connection, all },
    rest: received.subarray(start + length),
  };
}
