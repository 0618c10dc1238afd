import { File, listenerSettings, Whole } from '../shared/listen/listener-settings.ts';
import { type Static, Type } from '../shared/schema/type.ts';
import { commaList } from '../shared/settings/comma-list.ts';
import { ofSetting } from '../shared/settings/faults.ts';
import { readCaFile, type TlsFiles } from '../shared/tls/files.ts';
import type { Lookup } from './guard/lookup.ts';
import { lookupAt } from './guard/name-servers.ts';

const Milliseconds = (value: number, description: string) =>
  Whole({ default: value, minimum: 1, maximum: 3_600_000 }, `${description}, milliseconds`);

export const secureproxySettings = Type.Object({
  ...listenerSettings(5004),
  PUBLIC_KEY_URL: Type.String({
    pattern: '^https?://',
    description: "URL of KeyServer's /public_key",
  }),
  TOKEN_REQUEST_URL: Type.String({ pattern: '^https?://', description: "URL of KeyServer's /" }),
  PROXY_KEY: Type.String({
    writeOnly: true,
    pattern: '^spx_',
    description: "This installation's key, from keyserver-admin proxy create",
  }),
  PUBLIC_KEY_PINS: Type.String({
    default: '',
    description: 'Key ids that KeyServer may publish, separated by commas; empty: any',
  }),
  UNSAFE_UNPINNED_KEY: Type.Boolean({
    default: false,
    description: 'Accept an unpinned public key over plain http from another machine',
  }),
  KEYSERVER_CA_FILE: File(
    "PEM file of KeyServer's CA; KeyServer is then trusted through this CA only",
  ),
  KEYSERVER_CLIENT_CERT_FILE: File('PEM file of the client certificate, if KeyServer asks for one'),
  KEYSERVER_CLIENT_KEY_FILE: File(
    "PEM file of the client certificate's key; must not be readable by others",
  ),
  KEYSERVER_TIMEOUT_MS: Milliseconds(1800, 'Timeout of a request to KeyServer, retries included'),
  KEYSERVER_CONNECTIONS: Whole(
    { default: 32, minimum: 1, maximum: 1024 },
    'Maximum number of connections to KeyServer, of which one app gets a quarter',
  ),
  TOKEN_CACHE_SECONDS: Whole(
    { default: 5, minimum: 0, maximum: 5 },
    'Seconds that a release is cached while the change feed is cut; 0: releases are never cached',
  ),
  TOKEN_CACHE_MAX: Whole(
    { default: 10_000, minimum: 1, maximum: 1_000_000 },
    'Maximum number of cached releases',
  ),
  BODY_LIMIT_BYTES: Whole(
    { default: 16 * 1024 * 1024, minimum: 1024, maximum: 256 * 1024 * 1024 },
    'Maximum size of a request to /request_api, /explain or /check, bytes',
  ),
  UPSTREAM_CONNECTIONS: Whole(
    { default: 128, minimum: 1, maximum: 4096 },
    'Maximum number of connections to one origin, of which one app or client gets three quarters',
  ),
  UPSTREAM_CONNECT_TIMEOUT_MS: Milliseconds(
    5000,
    'Timeout of connecting to a marketplace: name, connection and TLS handshake together',
  ),
  UPSTREAM_HEADERS_TIMEOUT_MS: Milliseconds(60_000, "Timeout of an answer's headers"),
  UPSTREAM_BODY_TIMEOUT_MS: Milliseconds(60_000, "Timeout of each pause within an answer's body"),
  UPSTREAM_TOTAL_TIMEOUT_MS: Milliseconds(
    900_000,
    'Timeout of a whole call, which TimeoutMs of a request may shorten',
  ),
  REDIS_URL: Type.Optional(
    Type.String({
      writeOnly: true,
      pattern: '^rediss?://',
      description:
        'Redis (or Valkey) in which all SecureProxies count the limits of token types together, as redis://user:password@host:port/database, or rediss:// for TLS',
    }),
  ),
  REPLICAS: Whole(
    { default: 1, minimum: 1, maximum: 1000 },
    'Least number of SecureProxies that share the limits of token types; KeyServer tells each how many it hears of. Without Redis, or while it is away, each of their WORKERS takes an equal part',
  ),
  UPSTREAM_DNS_SERVERS: Type.String({
    default: '',
    description:
      "Name servers that resolve the marketplaces' names, as `address` or `address:port`, separated by commas; empty: the system's resolver",
  }),
  TRUSTED_HOSTS: Type.String({
    default: '',
    description:
      'Host names of SecureProxy, separated by commas, at which it takes calls without an app key and calls of its page at /docs, besides localhost and addresses',
  }),
  DOCS: Type.Enum(['on', 'off'], {
    default: 'on',
    description: 'Whether to serve the page at /docs, which documents the API and can try it out',
  }),
  UPSTREAM_CA_FILE: File(
    'PEM file of a private CA to trust for marketplaces in addition to the public ones; a type with a CA of its own trusts that alone',
  ),
});
export type SecureproxyConfig = Static<typeof secureproxySettings> & {
  /** The file that PROXY_KEY was read from, which may change. */
  readonly PROXY_KEY_FILE?: string | undefined;
};

/** Settings before all are known to be right: one that is faulty is left out. */
export type GivenSettings = Partial<SecureproxyConfig>;

export function publicKeyPins({ PUBLIC_KEY_PINS = '' }: GivenSettings): ReadonlySet<string> {
  return new Set(commaList(PUBLIC_KEY_PINS));
}

/** A lookup at `UPSTREAM_DNS_SERVERS`; undefined: the system's. @throws TypeError if one is not an IP address */
export function upstreamLookup({ UPSTREAM_DNS_SERVERS = '' }: GivenSettings): Lookup | undefined {
  const servers = commaList(UPSTREAM_DNS_SERVERS);
  return servers.length === 0 ? undefined : lookupAt(servers);
}

export function trustedHosts({ TRUSTED_HOSTS = '' }: GivenSettings): ReadonlySet<string> {
  return new Set(
    commaList(TRUSTED_HOSTS).map((host) => URL.parse(`http://${host}`)?.hostname ?? host),
  );
}

export function keyserverTlsFiles(config: GivenSettings): TlsFiles {
  return {
    cert: config.KEYSERVER_CLIENT_CERT_FILE,
    key: config.KEYSERVER_CLIENT_KEY_FILE,
    ca: config.KEYSERVER_CA_FILE,
    settings: {
      cert: 'KEYSERVER_CLIENT_CERT_FILE',
      key: 'KEYSERVER_CLIENT_KEY_FILE',
      ca: 'KEYSERVER_CA_FILE',
    },
  };
}

/** Text of `UPSTREAM_CA_FILE`; undefined if it is not set. @throws ConfigError if it cannot be read or has no certificate */
export function readUpstreamCa({ UPSTREAM_CA_FILE: file }: GivenSettings): string | undefined {
  if (file === undefined) return undefined;
  return ofSetting('UPSTREAM_CA_FILE', () => readCaFile(file));
}
