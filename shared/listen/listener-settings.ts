import { type Static, Type } from 'typebox';
import { logLevels } from '../log/logging.ts';
import { parseClientNames } from '../tls/client-names.ts';
import type { TlsFiles } from '../tls/files.ts';

const File = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/** Settings of every service's listeners, log and end. */
export function listenerSettings(port: number) {
  return {
    HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
    PORT: Type.Integer({
      default: port,
      minimum: 0,
      maximum: 65535,
      description: 'Port to listen on',
    }),
    OPS_PORT: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65535,
        description: 'Port for /healthz and /readyz over plain http, which PORT then has no longer',
      }),
    ),
    OPS_HOST: Type.Optional(
      Type.String({ minLength: 1, description: 'Address of OPS_PORT; none: that of HOST' }),
    ),
    TLS_CERT_FILE: File('PEM file of the certificate, with its chain; turns TLS on for PORT'),
    TLS_KEY_FILE: File("PEM file of the certificate's key; others may not read it"),
    TLS_CLIENT_CA_FILE: File('PEM file of the CA that callers must have a certificate of (mTLS)'),
    TLS_CLIENT_NAMES: Type.String({
      default: '',
      description:
        "DNS names or URIs, separated by commas, one of which callers' certificates must have; empty: any",
    }),
    WORKERS: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 64,
      description: 'Processes that share the work on this machine',
    }),
    DRAIN_DELAY_MS: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 600_000,
      description:
        "How long calls are still taken after SIGTERM while /readyz says unready, milliseconds; longer than a balancer's probes need to notice",
    }),
    SHUTDOWN_TIMEOUT_MS: Type.Integer({
      default: 25_000,
      minimum: 1,
      maximum: 3_600_000,
      description:
        'How long calls may take to finish after that before they are cut off, milliseconds',
    }),
    CALLS_MAX: Type.Integer({
      default: 1024,
      minimum: 1,
      maximum: 1_000_000,
      description:
        'Most calls under way at once; what is more waits up to a second and is refused as overloaded then',
    }),
    OVERLOAD_DELAY_MS: Type.Integer({
      // A machine that stands still for a moment looks the same as one with too much to do.
      default: 0,
      minimum: 0,
      maximum: 60_000,
      description:
        'Calls are refused as overloaded while the event loop is late by more than this on average over a second, milliseconds; 0: never',
    }),
    LOG_LEVEL: Type.Enum([...logLevels], {
      default: 'info',
      description: 'Least level that is logged',
    }),
  };
}

const schema = Type.Object(listenerSettings(0));
export type ListenerConfig = Static<typeof schema>;

/** The TLS files of `PORT`. */
export function listenerTlsFiles(config: Partial<ListenerConfig>): TlsFiles {
  return {
    cert: config.TLS_CERT_FILE,
    key: config.TLS_KEY_FILE,
    ca: config.TLS_CLIENT_CA_FILE,
  };
}

/** Faults of the listeners' settings taken together ({@link CombinationCheck}). */
export function listenerFaults(
  config: Partial<ListenerConfig>,
  faulty: ReadonlySet<string> = new Set(),
): string[] {
  const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CA_FILE, TLS_CLIENT_NAMES = '' } = config;
  const faults: string[] = [];
  if ((TLS_CERT_FILE === undefined) !== (TLS_KEY_FILE === undefined)) {
    faults.push('TLS_CERT_FILE and TLS_KEY_FILE go together');
  }
  if (TLS_CLIENT_CA_FILE !== undefined && TLS_CERT_FILE === undefined) {
    faults.push('TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE');
  }
  if (TLS_CLIENT_NAMES !== '' && TLS_CLIENT_CA_FILE === undefined) {
    faults.push('TLS_CLIENT_NAMES needs TLS_CLIENT_CA_FILE');
  }
  if (TLS_CLIENT_NAMES !== '' && parseClientNames(TLS_CLIENT_NAMES).length === 0) {
    faults.push('TLS_CLIENT_NAMES names nobody');
  }
  if (config.OPS_HOST !== undefined && config.OPS_PORT === undefined && !faulty.has('OPS_PORT')) {
    faults.push('OPS_HOST needs OPS_PORT');
  }
  return faults;
}
