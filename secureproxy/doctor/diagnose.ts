import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../shared/clock.ts';
import { listenerTlsFiles } from '../../shared/listen/listener-settings.ts';
import { sentenceOf } from '../../shared/log/plain-error.ts';
import { ConfigError, type Environment, type Settings } from '../../shared/settings/config.ts';
import { expiryFindings, type NamedCertificate } from '../../shared/tls/expiry.ts';
import { readTlsFiles } from '../../shared/tls/files.ts';
import {
  keyserverTlsFiles,
  readUpstreamCa,
  type SecureproxyConfig,
  upstreamLookup,
} from '../config.ts';
import { systemLookup } from '../guard/lookup.ts';
import { readSecureproxySettings } from '../read-settings.ts';
import { type Check, check, report } from './check.ts';
import { checkKeyserver } from './keyserver-checks.ts';

/** A name that always exists (RFC 2606 §3): marketplaces are known to KeyServer alone. */
const triedName = 'example.com';
const lookupTimeoutMs = 5_000;

/** Checks everything that SecureProxy relies on, and changes nothing. */
export async function doctor(environment: Environment, json: boolean) {
  return report(await diagnose(environment), json);
}

async function diagnose(environment: Environment): Promise<Check[]> {
  let settings: Settings<SecureproxyConfig>;
  try {
    settings = readSecureproxySettings(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [check('settings', 'cannot be used', error.faults)];
  }
  const { config, warnings } = settings;
  const toKeyserver = readTlsFiles(keyserverTlsFiles(config));
  const { checks, certificate } = await checkKeyserver(config, toKeyserver);
  const own = readTlsFiles(listenerTlsFiles(config));
  return [
    check('settings', 'complete', warnings, 'warning'),
    unsafeSettings(config),
    ...checks,
    checkCertificates([
      { name: 'TLS_CERT_FILE', pem: own.cert ?? '' },
      { name: 'TLS_CLIENT_CA_FILE', pem: own.ca ?? '' },
      { name: 'KEYSERVER_CLIENT_CERT_FILE', pem: toKeyserver.cert ?? '' },
      { name: 'KEYSERVER_CA_FILE', pem: toKeyserver.ca ?? '' },
      { name: 'UPSTREAM_CA_FILE', pem: readUpstreamCa(config) ?? '' },
      ...(certificate === undefined ? [] : [certificate]),
    ]),
    await checkLookup(config),
  ];
}

function unsafeSettings(config: SecureproxyConfig): Check {
  const names = Object.entries(config).flatMap(([name, value]) =>
    name.startsWith('UNSAFE_') && value === true ? [`${name} is set`] : [],
  );
  return check('unsafe settings', names.length === 0 ? 'none' : 'in use', names, 'warning');
}

function checkCertificates(certificates: readonly NamedCertificate[]): Check {
  const findings = certificates.flatMap((one) => expiryFindings(one, systemClock.now()));
  const isFault = findings.some(({ severity }) => severity === 'fault');
  const sentences = findings.map(({ sentence }) => sentence);
  return check('certificates', 'valid for 30 days', sentences, isFault ? 'fault' : 'warning');
}

/** Looks a name up as marketplaces' names are. A warning: installations without the internet work, too. */
async function checkLookup(config: SecureproxyConfig): Promise<Check> {
  const lookup = upstreamLookup(config) ?? systemLookup;
  const limit = sleep(lookupTimeoutMs, 'late', { ref: false });
  const findings: string[] = [];
  try {
    if ((await Promise.race([lookup(triedName), limit])) === 'late') {
      findings.push(`${triedName} was not resolved within ${lookupTimeoutMs / 1000} s`);
    }
  } catch (error) {
    findings.push(`${triedName} was not resolved: ${sentenceOf(error)}`);
  }
  return check('name look-up', config.UPSTREAM_DNS_SERVERS || "the system's", findings, 'warning');
}
