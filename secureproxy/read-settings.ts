import { listenerTlsFiles } from '../shared/listen/listener-settings.ts';
import { type Environment, parseSettings, type Settings } from '../shared/settings/config.ts';
import { faultsOf } from '../shared/settings/faults.ts';
import { examineTlsFiles } from '../shared/tls/files.ts';
import {
  keyserverTlsFiles,
  readUpstreamCa,
  type SecureproxyConfig,
  secureproxyFaults,
  secureproxySettings,
} from './config.ts';

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
