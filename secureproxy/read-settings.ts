import { listenerTlsFiles } from '../shared/listen/listener-settings.ts';
import { listenerCertificates } from '../shared/listen/tls-listener.ts';
import { type Environment, parseSettings, type Settings } from '../shared/settings/config.ts';
import { faultsOf } from '../shared/settings/faults.ts';
import type { NamedCertificate } from '../shared/tls/expiry.ts';
import { examineTlsFiles, readTlsFiles, type TlsMaterial } from '../shared/tls/files.ts';
import {
  keyserverTlsFiles,
  publicKeyPins,
  readUpstreamCa,
  type SecureproxyConfig,
  secureproxyFaults,
  secureproxySettings,
  upstreamLookup,
} from './config.ts';
import type { Installation } from './doctor/diagnose.ts';
import { systemLookup } from './guard/lookup.ts';

/**
 * Reads SecureProxy's settings and checks the files that they name.
 * @throws ConfigError naming every fault at once
 */
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

/** The certificates that SecureProxy uses for its own connections. */
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
