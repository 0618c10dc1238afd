import { connect, isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { PoolConfig } from 'mariadb';
import type { StoreOptions } from '../store.ts';
import { containErrors, containTlsErrors } from './contained-errors.ts';

export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the trusted CAs; if set, TLS is required and the server's name is verified. */
  readonly tlsCa?: string | undefined;
  /**
   * The connector's option of this name: without TLS, MySQL's `caching_sha2_password` sends the key
   * that encrypts the password. Default false, since an attacker on the path can send another key.
   */
  readonly allowPublicKeyRetrieval?: boolean | undefined;
}

export type MysqlAccess = MysqlServer & Pick<StoreOptions, 'readOnly'>;

/** How the connector logs in and what each session is set to; the timeout in milliseconds. */
export function connectionConfig(server: MysqlAccess, timeoutMs: number): PoolConfig {
  const { host, port, user, password, database, tlsCa } = server;
  const config = {
    host,
    port,
    user,
    password,
    database,
    allowPublicKeyRetrieval: server.allowPublicKeyRetrieval ?? false,
    connectTimeout: timeoutMs,
    stream: () => containErrors(connect(port, host).setNoDelay(true)),
    charset: 'utf8mb4',
    initSql: [
      sessionSettings(timeoutMs),
      ...(server.readOnly ? ['SET SESSION TRANSACTION READ ONLY'] : []),
    ],
    insertIdAsNumber: true,
    logParam: false,
    // A server could redirect the client, with its password, to another one.
    permitRedirect: false,
  };
  if (tlsCa !== undefined) return { ...config, ssl: tlsSettings(host, tlsCa) };
  // Otherwise an attacker on a connection without TLS could ask for the password in clear.
  const restrictedAuth = [
    'mysql_native_password',
    'caching_sha2_password',
    'sha256_password',
  ].concat(['client_ed25519', 'parsec']);
  return Object.assign(config, { restrictedAuth });
}

function tlsSettings(host: string, ca: string) {
  return containTlsErrors({
    ca,
    rejectUnauthorized: true,
    // SNI takes no addresses (RFC 6066 §3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // The connector starts TLS on an open socket; for a server addressed by IP, Node would compare
    // the certificate with the name "localhost".
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      checkServerIdentity(host, certificate),
  });
}

/** Strict, so that no value is truncated, with timeouts; each server skips the other's comment. */
function sessionSettings(timeoutMs: number): string {
  const lockWaitSeconds = Math.max(1, Math.floor(timeoutMs / 1000));
  return (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'" +
    `, innodb_lock_wait_timeout = ${lockWaitSeconds}, lock_wait_timeout = ${lockWaitSeconds}` +
    ` /*M!100100 , max_statement_time = ${timeoutMs / 1000} */` +
    ` /*!80000 , max_execution_time = ${timeoutMs} */`
  );
}
