import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Scene } from './attack.ts';

export interface WireAnswer {
  readonly status: number;
  /** Status line and headers, latin1. */
  readonly head: string;
  /** Decoded from transfer and content encodings. */
  readonly body: Buffer;
  /** Of the service's problem; empty for any other answer. */
  readonly code: string;
  readonly reason: string;
}

const answerLimitMs = 15_000;
/** Later bytes are read and dropped. */
const maxKeptBytes = 16 * 1024 * 1024;

/** Sends bytes and resolves to everything received until the connection closes or times out. */
export async function exchangeBytes(origin: string, bytes: string | Buffer): Promise<Buffer> {
  const { protocol, hostname, port } = new URL(origin);
  const socket =
    protocol === 'https:'
      ? connectTls({ host: hostname, port: Number(port || 443), servername: hostname })
      : connectPlain(Number(port || 80), hostname);
  const chunks: Buffer[] = [];
  let kept = 0;
  socket.on('data', (chunk: Buffer) => {
    if (kept < maxKeptBytes) chunks.push(chunk);
    kept += chunk.length;
  });
  // A service that rejects early may reset the upload; `once` would take that for the end.
  socket.on('error', () => undefined);
  socket.setTimeout(answerLimitMs, () => socket.destroy());
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await new Promise((done) => socket.once('close', done));
  return Buffer.concat(chunks);
}

export interface CallOptions {
  /** Default: the scene's; null: none. */
  readonly appKey?: string | null;
  /** Further header lines of the request to SecureProxy. */
  readonly headers?: readonly string[];
  readonly path?: string;
}

/** Calls `/request_api` for the scene's client; `members` override its members. */
export async function call(
  scene: Scene,
  members: Readonly<Record<string, unknown>> = {},
  options: CallOptions = {},
): Promise<WireAnswer> {
  const { appKey = scene.appKey, headers = [], path = '/request_api' } = options;
  const body = JSON.stringify({
    ClientId: scene.clientId,
    TokenType: scene.tokenType,
    ApiUri: `${scene.origin}/v1/orders`,
    ...members,
  });
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${new URL(scene.proxy).host}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(appKey === null ? [] : [`Authorization: Bearer ${appKey}`]),
    ...headers,
  ];
  const bytes = Buffer.concat([
    Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    Buffer.from(body),
  ]);
  return readAnswer(await exchangeBytes(scene.proxy, bytes));
}

/** Parses the first answer that is not interim. */
export function readAnswer(bytes: Buffer): WireAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
  const status = Number(head.split(' ')[1] ?? 0);
  const rest = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4);
  if (status >= 100 && status < 200) return readAnswer(rest);
  const framed = /^transfer-encoding: *chunked/im.test(head) ? unchunk(rest) : rest;
  const body = decode(framed, /^content-encoding: *(\S+)/im.exec(head)?.[1]);
  return { status, head, body, ...problemOf(head, body) };
}

/** An answer as a phrase. */
export function describe({ status, code, reason }: WireAnswer): string {
  return code === ''
    ? `status ${status}`
    : `${status} ${code}${reason === '' ? '' : ` (${reason})`}`;
}

function unchunk(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    // Truncated: the received part is judged anyway.
    if (line < 0 || !(size > 0)) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

const decoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  deflate: inflateSync,
};

function decode(bytes: Buffer, coding = ''): Buffer {
  try {
    return decoders[coding]?.(bytes) ?? bytes;
  } catch {
    return bytes;
  }
}

function problemOf(head: string, body: Buffer) {
  if (!/^content-type: application\/problem\+json/im.test(head)) return { code: '', reason: '' };
  const { code = '', reason = '' } = JSON.parse(body.toString()) as Record<string, string>;
  return { code, reason };
}
