import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import type { ServerIdentity } from '../support/certificates.ts';

/** Capability flags of MySQL's protocol: LONG_PASSWORD, CONNECT_WITH_DB, SSL, and the rest of a 4.1 login. */
const clientSsl = 0x800;
const capabilities = 0x1 | 0x8 | 0x200 | clientSsl | 0x2000 | 0x8000 | 0x80000;
const plugin = 'caching_sha2_password';

/** A client's behaviour at its login. */
export interface Logins {
  readonly port: number;
  /** Logins over TLS, which began once the client had accepted the certificate. */
  readonly encrypted: number;
  /** Logins in clear. */
  readonly plain: number;
  /** Logins that got as far as the request for the password itself. */
  readonly passwords: number;
  /** Requests for the server's RSA key. */
  readonly keyRequests: number;
}

/**
 * A MySQL server of which the login goes as far as `caching_sha2_password` without a cached password: it wants the
 * password itself, and leaves the client waiting. With `endsHandshakes` it ends the connection instead of a TLS handshake.
 */
export async function startSilentMysql(
  t: Test,
  identity: ServerIdentity,
  { endsHandshakes = false } = {},
): Promise<Logins> {
  const seen = { encrypted: 0, plain: 0, passwords: 0, keyRequests: 0 };
  const open = new Set<Socket>();
  const secureContext = createSecureContext(identity);
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined));
    socket.write(packet(0, greeting()));
    socket.once('data', (first: Buffer) => {
      const wantsTls = (first.readUInt32LE(4) & clientSsl) !== 0;
      if (!wantsTls) {
        seen.plain += 1;
        return void askForPassword(socket).catch(() => undefined);
      }
      if (endsHandshakes) return void socket.end();
      // The ClientHello may have come with the request for TLS, which is a packet of 32 bytes.
      socket.pause();
      socket.unshift(first.subarray(4 + 32));
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      secure
        .on('error', () => undefined)
        .once('data', () => {
          seen.encrypted += 1;
          secure.destroy();
        });
    });
  });
  const askForPassword = async (socket: Socket) => {
    const scramble = randomBytes(20).map((byte) => byte || 1);
    const change = [Buffer.from(`\xfe${plugin}\0`, 'latin1'), scramble, Buffer.alloc(1)];
    socket.write(packet(2, Buffer.concat(change)));
    await once(socket, 'data');
    // The hash is not enough (perform_full_authentication).
    socket.write(packet(4, Buffer.from([1, 4])));
    seen.passwords += 1;
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer[4] === 2) seen.keyRequests += 1;
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return Object.assign(seen, { port: (server.address() as AddressInfo).port });
}

function greeting(): Buffer {
  const head = Buffer.from('\n8.0.0\0\x01\0\0\0', 'latin1');
  const scramble = randomBytes(20).map((byte) => byte || 1);
  const middle = Buffer.alloc(19);
  middle.writeUInt16LE(capabilities & 0xffff, 1);
  middle[3] = 45;
  middle.writeUInt16LE(2, 4);
  middle.writeUInt16LE(capabilities >>> 16, 6);
  middle[8] = 21;
  return Buffer.concat([
    head,
    scramble.subarray(0, 8),
    middle,
    scramble.subarray(8),
    Buffer.from(`\0${plugin}\0`),
  ]);
}

function packet(sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
}
