import {
  File,
  listenerFaults,
  listenerSettings,
  Whole,
} from '../shared/listen/listener-settings.ts';
import { type Static, Type } from '../shared/schema/type.ts';
import { commaList } from '../shared/settings/comma-list.ts';
import { faultsOf, ofSetting } from '../shared/settings/faults.ts';
import { readCaFile, type TlsFiles } from '../shared/tls/files.ts';
import type { Lookup } from './guard/lookup.ts';
import { lookupAt } from './guard/name-servers.ts';
import { checkProxyKey } from './keyserver-client/proxy-key.ts';

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
    'Maximum number of connections to KeyServer',
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
    'Maximum size of a request to /request_api, bytes',
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

export function publicKeyPins({
  PUBLIC_KEY_PINS = '',
}: Partial<SecureproxyConfig>): ReadonlySet<string> {
  return new Set(commaList(PUBLIC_KEY_PINS));
}

/** A lookup at `UPSTREAM_DNS_SERVERS`; undefined: the system's. @throws TypeError if one is not an IP address */
export function upstreamLookup({
  UPSTREAM_DNS_SERVERS = '',
}: Partial<SecureproxyConfig>): Lookup | undefined {
  const servers = commaList(UPSTREAM_DNS_SERVERS);
  return servers.length === 0 ? undefined : lookupAt(servers);
}

/** The host names of `TRUSTED_HOSTS` as a parsed URL has them. */
export function trustedHosts({
  TRUSTED_HOSTS = '',
}: Partial<SecureproxyConfig>): ReadonlySet<string> {
  return new Set(
    commaList(TRUSTED_HOSTS).map((host) => URL.parse(`http://${host}`)?.hostname ?? host),
  );
}

function trustedHostFaults({ TRUSTED_HOSTS = '' }: Partial<SecureproxyConfig>): string[] {
  const isName = (text: string) => /^[^\s/:?#@*\\]+$/.test(text) && URL.canParse(`http://${text}`);
  return commaList(TRUSTED_HOSTS).every(isName)
    ? []
    : ['TRUSTED_HOSTS must list host names, without scheme, port or *'];
}

export function keyserverTlsFiles(config: Partial<SecureproxyConfig>): TlsFiles {
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
export function readUpstreamCa({
  UPSTREAM_CA_FILE: file,
}: Partial<SecureproxyConfig>): string | undefined {
  if (file === undefined) return undefined;
  return ofSetting('UPSTREAM_CA_FILE', () => readCaFile(file));
}

function nameServerFaults(config: Partial<SecureproxyConfig>): string[] {
  try {
    upstreamLookup(config);
    return [];
  } catch {
    return ['UPSTREAM_DNS_SERVERS must list IP addresses, each optionally with a port'];
  }
}

const keyserverTlsNames = [
  'KEYSERVER_CA_FILE',
  'KEYSERVER_CLIENT_CERT_FILE',
  'KEYSERVER_CLIENT_KEY_FILE',
] as const;

function keyserverTlsFaults(config: Partial<SecureproxyConfig>): string[] {
  const faults: string[] = [];
  const { KEYSERVER_CLIENT_CERT_FILE: cert, KEYSERVER_CLIENT_KEY_FILE: key } = config;
  if ((cert === undefined) !== (key === undefined)) {
    faults.push('KEYSERVER_CLIENT_CERT_FILE and KEYSERVER_CLIENT_KEY_FILE must be set together');
  }
  for (const name of keyserverTlsNames.filter((one) => config[one] !== undefined)) {
    for (const url of keyserverUrls) {
      if (config[url]?.startsWith('http:')) {
        faults.push(`${name} has no effect while ${url} is plain http: use https`);
      }
    }
  }
  return faults;
}

const keyserverUrls = ['PUBLIC_KEY_URL', 'TOKEN_REQUEST_URL'] as const;
const loopbackHosts = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Returns the faults of combinations, and those that the schema cannot express; `faulty` has the names of the
 * settings with a fault of their own.
 */
export function secureproxyFaults(
  config: Partial<SecureproxyConfig>,
  faulty: ReadonlySet<string> = new Set(),
): string[] {
  const faults = [
    ...listenerFaults(config, faulty),
    ...keyserverTlsFaults(config),
    ...nameServerFaults(config),
    ...trustedHostFaults(config),
  ];
  const { PROXY_KEY, REDIS_URL } = config;
  // Not the text itself, which may have a password.
  if (REDIS_URL !== undefined && !isRedisUrl(REDIS_URL)) {
    faults.push(
      'REDIS_URL is not redis://user:password@host:port/database: the database is a number, and % in a password is %25',
    );
  }
  if (PROXY_KEY !== undefined) faults.push(...faultsOf(() => checkProxyKey(PROXY_KEY)));
  for (const name of keyserverUrls) {
    const url = config[name];
    if (url !== undefined && !URL.canParse(url)) faults.push(`${name} is not a URL`);
  }
  if (config.UNSAFE_UNPINNED_KEY === false && isPublicKeyUnguarded(config)) {
    faults.push(
      'PUBLIC_KEY_URL is plain http to another machine, so an attacker on the network could substitute their own key: use https, set PUBLIC_KEY_PINS to the keyId that KeyServer shows, or accept the risk with UNSAFE_UNPINNED_KEY=1',
    );
  }
  return faults;
}

/** True if the library takes it. */
function isRedisUrl(text: string): boolean {
  const { pathname, username, password } = URL.parse(text) ?? { pathname: '?' };
  try {
    decodeURIComponent(`${username}${password}`);
    return /^\/?\d*$/.test(pathname);
  } catch {
    return false;
  }
}

/** True if an attacker between the machines could replace the public key. */
function isPublicKeyUnguarded(config: Partial<SecureproxyConfig>): boolean {
  const url = URL.parse(config.PUBLIC_KEY_URL ?? '');
  return (
    url?.protocol === 'http:' &&
    !loopbackHosts.test(url.hostname) &&
    publicKeyPins(config).size === 0
  );
}
