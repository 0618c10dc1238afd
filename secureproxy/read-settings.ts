import { listenerFaults, listenerTlsFiles } from '../shared/listen/listener-settings.ts';
import { listenerCertificates } from '../shared/listen/tls-listener.ts';
import { commaList } from '../shared/settings/comma-list.ts';
import { type Environment, parseSettings, type Settings } from '../shared/settings/config.ts';
import { faultsOf } from '../shared/settings/faults.ts';
import type { NamedCertificate } from '../shared/tls/expiry.ts';
import { examineTlsFiles, readTlsFiles, type TlsMaterial } from '../shared/tls/files.ts';
import {
  type GivenSettings,
  keyserverTlsFiles,
  publicKeyPins,
  readUpstreamCa,
  type SecureproxyConfig,
  secureproxySettings,
  upstreamLookup,
} from './config.ts';
import type { Installation } from './doctor/diagnose.ts';
import { systemLookup } from './guard/lookup.ts';
import { checkProxyKey } from './keyserver-client/proxy-key.ts';

const keyserverTlsNames = [
  'KEYSERVER_CA_FILE',
  'KEYSERVER_CLIENT_CERT_FILE',
  'KEYSERVER_CLIENT_KEY_FILE',
] as const;

const keyserverUrls = ['PUBLIC_KEY_URL', 'TOKEN_REQUEST_URL'] as const;
const loopbackHosts = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Reads settings and checks the files that they name. @throws ConfigError naming every fault at once */
export function readSecureproxySettings(environment: Environment): Settings<SecureproxyConfig> {
  const { config, warnings } = parseSettings(secureproxySettings, environment, (config, faulty) => [
    ...secureproxyFaults(config, faulty),
    ...examineTlsFiles(listenerTlsFiles(config)).faults,
    ...examineTlsFiles(keyserverTlsFiles(config)).faults,
    ...faultsOf(() => readUpstreamCa(config)),
  ]);
  return {
    config: { ...config, PROXY_KEY_FILE: environment.PROXY_KEY_FILE || undefined },
    warnings,
  };
}

/** Reads settings and files for the doctor. @throws ConfigError */
export function installationOf(environment: Environment): Installation {
  const { config, warnings } = readSecureproxySettings(environment);
  const tls = readTlsFiles(keyserverTlsFiles(config));
  return {
    warnings,
    unsafe: config.UNSAFE_UNPINNED_KEY ? ['UNSAFE_UNPINNED_KEY'] : [],
    keyserver: {
      publicKeyUrl: new URL(config.PUBLIC_KEY_URL),
      tokenRequestUrl: new URL(config.TOKEN_REQUEST_URL),
      proxyKey: config.PROXY_KEY,
      pins: publicKeyPins(config),
      timeoutMs: config.KEYSERVER_TIMEOUT_MS,
      tls,
    },
    certificates: [
      ...listenerCertificates(readTlsFiles(listenerTlsFiles(config))),
      ...outgoingCertificates(tls, readUpstreamCa(config)),
    ],
    lookup: upstreamLookup(config) ?? systemLookup,
    nameServers: config.UPSTREAM_DNS_SERVERS || "the system's",
  };
}

export function outgoingCertificates(
  { cert = '', ca = '' }: TlsMaterial = {},
  upstreamCa = '',
): NamedCertificate[] {
  return [
    { name: 'KEYSERVER_CLIENT_CERT_FILE', pem: cert },
    { name: 'KEYSERVER_CA_FILE', pem: ca },
    { name: 'UPSTREAM_CA_FILE', pem: upstreamCa },
  ];
}

/**
 * Returns the faults of combinations, and those that the schema cannot express; `faulty` has the names of the
 * settings with a fault of their own.
 */
export function secureproxyFaults(
  config: GivenSettings,
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

function nameServerFaults(config: GivenSettings): string[] {
  try {
    upstreamLookup(config);
    return [];
  } catch {
    return ['UPSTREAM_DNS_SERVERS must list IP addresses, each optionally with a port'];
  }
}

function keyserverTlsFaults(config: GivenSettings): string[] {
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

function trustedHostFaults({ TRUSTED_HOSTS = '' }: GivenSettings): string[] {
  const isName = (text: string) => /^[^\s/:?#@*\\]+$/.test(text) && URL.canParse(`http://${text}`);
  return commaList(TRUSTED_HOSTS).every(isName)
    ? []
    : ['TRUSTED_HOSTS must list host names, without scheme, port or *'];
}

function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url?.hostname || !/^\/?\d*$/.test(url.pathname)) return false;
  try {
    decodeURIComponent(`${url.username}${url.password}`);
    return true;
  } catch {
    return false;
  }
}

/** True if an attacker between the machines could replace the public key. */
function isPublicKeyUnguarded(config: GivenSettings): boolean {
  const url = URL.parse(config.PUBLIC_KEY_URL ?? '');
  return (
    url?.protocol === 'http:' &&
    !loopbackHosts.test(url.hostname) &&
    publicKeyPins(config).size === 0
  );
}
