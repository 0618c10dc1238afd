import { type Static, Type } from 'typebox';
import { isCallerKey } from '../shared/crypto/caller-key.ts';
import { listenerFaults, listenerSettings } from '../shared/listen/listener-settings.ts';
import {
  ConfigError,
  type Environment,
  parseSettings,
  type Settings,
} from '../shared/settings/config.ts';
import type { Lookup } from './guard/address-guard.ts';
import { lookupAt } from './guard/name-servers.ts';

const Milliseconds = (value: number, description: string) =>
  Type.Integer({
    default: value,
    minimum: 1,
    maximum: 3_600_000,
    description: `${description}, milliseconds`,
  });

const File = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

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
  KEYSERVER_CONNECTIONS: Type.Integer({
    default: 32,
    minimum: 1,
    maximum: 1024,
    description: 'Maximum number of connections to KeyServer',
  }),
  TOKEN_CACHE_SECONDS: Type.Integer({
    default: 5,
    minimum: 0,
    maximum: 5,
    description:
      'Seconds that a release is cached while the change feed is cut; 0: releases are never cached',
  }),
  TOKEN_CACHE_MAX: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Maximum number of cached releases',
  }),
  BODY_LIMIT_BYTES: Type.Integer({
    default: 16 * 1024 * 1024,
    minimum: 1024,
    maximum: 256 * 1024 * 1024,
    description: 'Maximum size of a request to /request_api, bytes',
  }),
  UPSTREAM_CONNECTIONS: Type.Integer({
    default: 128,
    minimum: 1,
    maximum: 4096,
    description: 'Maximum number of connections to one origin',
  }),
  UPSTREAM_CONNECT_TIMEOUT_MS: Milliseconds(5000, 'Timeout of connecting to a marketplace'),
  UPSTREAM_HEADERS_TIMEOUT_MS: Milliseconds(60_000, "Timeout of an answer's headers"),
  UPSTREAM_BODY_TIMEOUT_MS: Milliseconds(60_000, "Timeout of each pause within an answer's body"),
  UPSTREAM_TOTAL_TIMEOUT_MS: Milliseconds(
    900_000,
    'Timeout of a whole call, which TimeoutMs of a request may shorten',
  ),
  UPSTREAM_DNS_SERVERS: Type.String({
    default: '',
    description:
      "Name servers that resolve the marketplaces' names, as `address` or `address:port`, separated by commas; empty: the system's resolver",
  }),
  DOCS: Type.Enum(['on', 'off'], {
    default: 'on',
    description: 'Whether to serve the page at /docs, which documents the API and can try it out',
  }),
  UPSTREAM_CA_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'PEM file of a private CA to trust for marketplaces in addition to the public ones',
    }),
  ),
});
export type SecureproxyConfig = Static<typeof secureproxySettings>;

/** @throws ConfigError */
export function readSecureproxySettings(environment: Environment): Settings<SecureproxyConfig> {
  const settings = parseSettings(secureproxySettings, environment);
  const faults = secureproxyFaults(settings.config);
  if (faults.length > 0) throw new ConfigError(faults);
  return settings;
}

/** Key ids of `PUBLIC_KEY_PINS`. */
export function publicKeyPins({ PUBLIC_KEY_PINS }: SecureproxyConfig): ReadonlySet<string> {
  return new Set(listOf(PUBLIC_KEY_PINS));
}

/** The lookup by `UPSTREAM_DNS_SERVERS`; undefined: the system's. @throws TypeError if one is not an address */
export function upstreamLookup({ UPSTREAM_DNS_SERVERS }: SecureproxyConfig): Lookup | undefined {
  const servers = listOf(UPSTREAM_DNS_SERVERS);
  return servers.length === 0 ? undefined : lookupAt(servers);
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function nameServerFaults(config: SecureproxyConfig): string[] {
  try {
    upstreamLookup(config);
    return [];
  } catch {
    return [
      'UPSTREAM_DNS_SERVERS has something else than IP addresses, each with a port or without',
    ];
  }
}

const keyserverTlsNames = [
  'KEYSERVER_CA_FILE',
  'KEYSERVER_CLIENT_CERT_FILE',
  'KEYSERVER_CLIENT_KEY_FILE',
] as const;

function keyserverTlsFaults(config: SecureproxyConfig): string[] {
  const faults: string[] = [];
  const { KEYSERVER_CLIENT_CERT_FILE: cert, KEYSERVER_CLIENT_KEY_FILE: key } = config;
  if ((cert === undefined) !== (key === undefined)) {
    faults.push('KEYSERVER_CLIENT_CERT_FILE and KEYSERVER_CLIENT_KEY_FILE go together');
  }
  for (const name of keyserverTlsNames.filter((one) => config[one] !== undefined)) {
    for (const url of ['PUBLIC_KEY_URL', 'TOKEN_REQUEST_URL'] as const) {
      if (config[url].startsWith('http:')) {
        faults.push(`${name} is of no use while ${url} is plain http: make it https`);
      }
    }
  }
  return faults;
}

const loopbackHosts = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** What single settings cannot say of themselves: sentences, none where all is well. */
export function secureproxyFaults(config: SecureproxyConfig): string[] {
  const faults = [
    ...listenerFaults(config),
    ...keyserverTlsFaults(config),
    ...nameServerFaults(config),
  ];
  if (!isCallerKey(config.PROXY_KEY, 'spx_')) {
    faults.push('PROXY_KEY is mistyped or cut short: its checksum does not fit');
  }
  for (const name of ['PUBLIC_KEY_URL', 'TOKEN_REQUEST_URL'] as const) {
    if (!URL.canParse(config[name])) faults.push(`${name} is not a URL`);
  }
  const url = URL.parse(config.PUBLIC_KEY_URL);
  const guarded =
    url?.protocol === 'https:' ||
    loopbackHosts.test(url?.hostname ?? '') ||
    publicKeyPins(config).size > 0;
  if (!guarded && !config.UNSAFE_UNPINNED_KEY) {
    faults.push(
      'PUBLIC_KEY_URL is plain http to another machine, so anyone on the way could put their own key in: use https, set PUBLIC_KEY_PINS to the keyId that KeyServer shows, or accept it with UNSAFE_UNPINNED_KEY=1',
    );
  }
  return faults;
}
