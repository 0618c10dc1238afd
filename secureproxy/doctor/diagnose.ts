import { systemClock } from '../../shared/clock.ts';
import { type Check, check } from '../../shared/doctor/check.ts';
import { sentenceOf } from '../../shared/log/plain-error.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { certificateReport, type NamedCertificate } from '../../shared/tls/expiry.ts';
import type { Lookup } from '../guard/lookup.ts';
import { checkKeyserver, type KeyserverAccess } from './keyserver-checks.ts';

/** A name that always exists (RFC 2606 §3): marketplaces are known to KeyServer alone. */
const triedName = 'example.com';
const lookupTimeoutMs = 5_000;

export interface Installation {
  readonly warnings: readonly string[];
  readonly unsafe: readonly string[];
  readonly keyserver: KeyserverAccess;
  readonly certificates: readonly NamedCertificate[];
  readonly lookup: Lookup;
  readonly nameServers: string;
}

/** Checks everything that SecureProxy relies on, and changes nothing; `read` throws ConfigError. */
export async function diagnose(read: () => Installation): Promise<Check[]> {
  let installation: Installation;
  try {
    installation = read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [check('settings', 'cannot be used', error.faults)];
  }
  const { warnings, unsafe, keyserver, certificates } = installation;
  const { checks, certificate } = await checkKeyserver(keyserver);
  const { summary, sentences, severity } = certificateReport(
    [...certificates, ...(certificate ? [certificate] : [])],
    systemClock.now(),
  );
  return [
    check('settings', 'complete', warnings, 'warning'),
    check(
      'unsafe settings',
      unsafe.length === 0 ? 'none' : 'in use',
      unsafe.map((name) => `${name} is set`),
      'warning',
    ),
    ...checks,
    check('certificates', summary, sentences, severity),
    await checkLookup(installation),
  ];
}

/** Looks a name up as marketplaces' names are. A warning: installations without the internet work, too. */
async function checkLookup({ lookup, nameServers }: Installation): Promise<Check> {
  const limit = new Promise((done) => setTimeout(done, lookupTimeoutMs, 'late').unref());
  const findings: string[] = [];
  try {
    if ((await Promise.race([lookup(triedName), limit])) === 'late') {
      findings.push(`${triedName} was not resolved within ${lookupTimeoutMs / 1000} s`);
    }
  } catch (error) {
    findings.push(`${triedName} was not resolved: ${sentenceOf(error)}`);
  }
  return check('name look-up', nameServers, findings, 'warning');
}
