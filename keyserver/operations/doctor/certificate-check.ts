import type { Clock } from '../../../shared/clock.ts';
import { check } from '../../../shared/doctor/check.ts';
import {
  type ListenerConfig,
  listenerFaults,
  listenerTlsFiles,
} from '../../../shared/listen/listener-settings.ts';
import { listenerCertificates } from '../../../shared/listen/tls-listener.ts';
import type { Environment } from '../../../shared/settings/config.ts';
import { faultsOf } from '../../../shared/settings/faults.ts';
import { certificateReport } from '../../../shared/tls/expiry.ts';
import { examineTlsFiles } from '../../../shared/tls/files.ts';
import { readDatabaseCa } from '../../storage/database.ts';
import type { DatabaseConfig } from '../../storage/settings.ts';
import type { Check } from './check.ts';

const listenerFiles = ['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CLIENT_CA_FILE'] as const;
type ListenerFiles = Pick<Partial<ListenerConfig>, (typeof listenerFiles)[number]>;

/** Checks KeyServer's certificate files, if the operator's environment names them. */
export function checkCertificates(
  config: DatabaseConfig,
  environment: Environment,
  clock: Clock,
): Check {
  const settings: ListenerFiles = Object.fromEntries(
    listenerFiles.flatMap((name) => {
      const file = environment[name];
      return file ? [[name, file]] : [];
    }),
  );
  const { material, faults } = examineTlsFiles(listenerTlsFiles(settings));
  const databaseCa: string[] = [];
  // Another check reports one that cannot be read.
  faultsOf(() => databaseCa.push(readDatabaseCa(config) ?? ''));
  const { summary, sentences, severity } = certificateReport(
    [...listenerCertificates(material), ...databaseCa.map((pem) => ({ name: 'DB_TLS_CA', pem }))],
    clock.now(),
  );
  const unusable = [...listenerFaults(settings), ...faults];
  return check(
    'certificates',
    summary,
    [...unusable, ...sentences],
    unusable.length > 0 ? 'fault' : severity,
  );
}
