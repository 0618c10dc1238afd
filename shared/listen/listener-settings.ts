import { addressSet, familyOf } from '../address/address-set.ts';
import { logLevels } from '../log/levels.ts';
import { type Static, Type } from '../schema/type.ts';
import { commaList } from '../settings/comma-list.ts';
import { parseClientNames } from '../tls/client-names.ts';
import type { TlsFiles } from '../tls/files.ts';

/** A whole number; both ends of the range are valid. */
export const Whole = (
  range: { readonly default: number; readonly minimum: number; readonly maximum: number },
  description: string,
) => Type.Integer({ ...range, description });

/** An optional path. */
export const File = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, description }));

/** Settings of each service's listeners, log, load limits and shutdown. */
export function listenerSettings(port: number) {
  return {
    HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
    PORT: Whole({ default: port, minimum: 0, maximum: 65535 }, 'Port to listen on'),
    OPS_PORT: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65535,
        description:
          'Separate port for /healthz, /readyz and /metrics over plain http; PORT then serves none of them',
      }),
    ),
    OPS_HOST: Type.Optional(
      Type.String({ minLength: 1, description: 'Address of OPS_PORT; none: the value of HOST' }),
    ),
    TLS_CERT_FILE: File('PEM file of the certificate and its chain; enables TLS on PORT'),
    TLS_KEY_FILE: File(
      "PEM file of the certificate's private key, which must not be readable by other users",
    ),
    TLS_CLIENT_CA_FILE: File(
      "PEM file of the CA that must have issued callers' certificates; enables mTLS",
    ),
    TLS_CLIENT_NAMES: Type.String({
      default: '',
      description:
        'DNS names or URIs, separated by commas; a caller must have a certificate with one of them; empty: any',
    }),
    TRUST_PROXY: Type.String({
      default: '',
      description:
        'Addresses or networks of the load balancers in front, separated by commas (10.0.0.0/8); the log then takes the address of a caller from their X-Forwarded-For; empty: none',
    }),
    WORKERS: Whole({ default: 1, minimum: 1, maximum: 64 }, 'Number of processes that serve calls'),
    DRAIN_DELAY_MS: Whole(
      { default: 0, minimum: 0, maximum: 600_000 },
      "Time after SIGTERM in which calls are still served while /readyz is unready, milliseconds; set it longer than a load balancer's probes need to notice",
    ),
    SHUTDOWN_TIMEOUT_MS: Whole(
      { default: 25_000, minimum: 1, maximum: 3_600_000 },
      'Time after DRAIN_DELAY_MS in which calls may finish before their connections are closed, milliseconds',
    ),
    CALLS_MAX: Whole(
      { default: 1024, minimum: 1, maximum: 1_000_000 },
      'Maximum number of calls in progress; further calls are queued for a second, then rejected as overloaded. One app, client or origin of SecureProxy gets three quarters of them, and its further calls wait for two seconds',
    ),
    OVERLOAD_DELAY_MS: Whole(
      // Off by default: a machine that pauses for a moment looks the same as an overloaded one.
      { default: 0, minimum: 0, maximum: 60_000 },
      'Mean delay of the event loop over a second above which calls are rejected as overloaded, milliseconds; 0: never',
    ),
    LOG_LEVEL: Type.Enum([...logLevels], {
      default: 'info',
      description: 'Lowest level that is logged',
    }),
  };
}

const schema = Type.Object(listenerSettings(0));
export type ListenerConfig = Static<typeof schema>;

export function listenerTlsFiles(config: Partial<ListenerConfig>): TlsFiles {
  return {
    cert: config.TLS_CERT_FILE,
    key: config.TLS_KEY_FILE,
    ca: config.TLS_CLIENT_CA_FILE,
    settings: { cert: 'TLS_CERT_FILE', key: 'TLS_KEY_FILE', ca: 'TLS_CLIENT_CA_FILE' },
  };
}

/** Returns the faults of combinations; `faulty` has the names of the settings with a fault of their own. */
export function listenerFaults(
  config: Partial<ListenerConfig>,
  faulty: ReadonlySet<string> = new Set(),
): string[] {
  const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CA_FILE, TLS_CLIENT_NAMES = '' } = config;
  const faults: string[] = [];
  if ((TLS_CERT_FILE === undefined) !== (TLS_KEY_FILE === undefined)) {
    faults.push('TLS_CERT_FILE and TLS_KEY_FILE must be set together');
  }
  if (TLS_CLIENT_CA_FILE !== undefined && TLS_CERT_FILE === undefined) {
    faults.push('TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE');
  }
  if (TLS_CLIENT_NAMES !== '' && TLS_CLIENT_CA_FILE === undefined) {
    faults.push('TLS_CLIENT_NAMES needs TLS_CLIENT_CA_FILE');
  }
  if (TLS_CLIENT_NAMES !== '' && parseClientNames(TLS_CLIENT_NAMES).length === 0) {
    faults.push('TLS_CLIENT_NAMES has no name');
  }
  faults.push(...trustFaults(config));
  if (config.OPS_HOST !== undefined && config.OPS_PORT === undefined && !faulty.has('OPS_PORT')) {
    faults.push('OPS_HOST needs OPS_PORT');
  }
  if (isSameListener(config)) faults.push('OPS_PORT must be another port than PORT');
  return faults;
}

/** True if no operating system could open both listeners. */
function isSameListener({ PORT, OPS_PORT, HOST, OPS_HOST = HOST }: Partial<ListenerConfig>) {
  if (PORT !== OPS_PORT || PORT === undefined || PORT === 0) return false;
  return HOST === OPS_HOST || [HOST, OPS_HOST].some((host) => host === '0.0.0.0' || host === '::');
}

/** The addresses and networks of `TRUST_PROXY`. */
export function trustedProxies({ TRUST_PROXY = '' }: Partial<ListenerConfig>): string[] {
  return commaList(TRUST_PROXY);
}

function trustFaults(config: Partial<ListenerConfig>): string[] {
  return trustedProxies(config).flatMap((text) => {
    const bits = familyOf(text) === 'ipv4' ? 32 : 128;
    try {
      addressSet([text.includes('/') ? text : `${text}/${bits}`]);
      return [];
    } catch {
      return [
        `TRUST_PROXY: ${JSON.stringify(text)} is neither an address nor a network such as 10.0.0.0/8`,
      ];
    }
  });
}
