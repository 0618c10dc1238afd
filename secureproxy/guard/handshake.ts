import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext } from 'node:tls';
import { memoize } from '../../shared/memoize.ts';
import { handshakeError } from './connect-errors.ts';

/** Node's TLS never reads more at once. */
const highWaterMark = 16 * 1024;

/** Parsing the CAs for every connection, or for every host, would cost milliseconds. */
const contextOf = memoize((ca: readonly string[]) =>
  createSecureContext({
    ca: [...ca],
    // Operators often have only the issuing CA, not its root.
    allowPartialTrustChain: true,
  }),
);

/**
 * Makes a function that secures connections to one host, and resumes its last TLS session.
 * @param ca all trusted CAs, PEM; undefined: the public ones
 * @throws ServiceError upstream_unreachable (the function)
 */
export function handshakeWith(
  hostname: string,
  ca: readonly string[] | undefined,
): (tcp: Socket) => Promise<Socket> {
  const secureContext = ca && contextOf(ca);
  let session: Buffer | undefined;
  return (tcp) =>
    new Promise((resolve, reject) => {
      const options = {
        socket: tcp,
        host: hostname,
        ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
        // HTTP/1.1 only, until HTTP/2 has been shown to leak nothing.
        ALPNProtocols: ['http/1.1'],
        // Explicit, so that no environment variable can switch it off.
        rejectUnauthorized: true,
        highWaterMark,
        ...(secureContext && { secureContext }),
        ...(session && { session }),
      };
      const socket = connect(options);
      socket
        .on('session', (next) => {
          session = next;
        })
        .once('secureConnect', () => resolve(socket))
        // Kept, since the error of a connection that ends at once may precede the next owner's listener.
        .on('error', (error) =>
          // Set only if the verification failed, by any of OpenSSL's codes.
          reject(handshakeError(Boolean(socket.authorizationError), error)),
        );
    });
}
