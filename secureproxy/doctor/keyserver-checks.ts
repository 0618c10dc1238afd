import { systemClock } from '../../shared/clock.ts';
import { type Check, check } from '../../shared/doctor/check.ts';
import { ServiceError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log/logging.ts';
import { sentenceOf } from '../../shared/log/plain-error.ts';
import type { TlsMaterial } from '../../shared/tls/files.ts';
import { KeyserverClient, type KeyserverClientOptions } from '../keyserver-client/client.ts';
import { KeyserverHttp } from '../keyserver-client/http.ts';

/** The needs of an exchange, in the order in which they show. */
const stages = [
  { name: 'keyserver', summary: 'it answers', reasons: [] },
  {
    name: 'public key',
    summary: 'usable, and pinned if there are pins',
    reasons: ['public_key', 'public_key_unusable', 'public_key_not_pinned', 'session_invalid'],
  },
  { name: 'clock', summary: "within 60 s of KeyServer's", reasons: ['clock_skew'] },
  { name: 'proxy key', summary: 'KeyServer knows it', reasons: ['proxy_unknown'] },
] as const;

type ClientAccess = Pick<KeyserverClientOptions, 'publicKeyUrl' | 'tokenRequestUrl' | 'pins'>;

export interface KeyserverAccess extends ClientAccess {
  readonly proxyKey: string;
  readonly timeoutMs: number;
  readonly tls: TlsMaterial;
}

/** Asks KeyServer for changes, as a running proxy does every second; a check after a fault is left out. */
export async function checkKeyserver({ timeoutMs, tls, proxyKey, ...rest }: KeyserverAccess) {
  const http = new KeyserverHttp({
    connections: 1,
    timeoutMs,
    tls: { use: (apply) => apply(tls) },
  });
  const client = new KeyserverClient({
    http,
    ...rest,
    proxyKey: () => proxyKey,
    clock: systemClock,
    log: createLogger('secureproxy', 'silent'),
  });
  try {
    const fault = await faultOf(client.changes(0));
    return { checks: stageChecks(fault), certificate: http.shownCertificate };
  } finally {
    await http.close();
  }
}

async function faultOf(asked: Promise<unknown>): Promise<ServiceError | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    // An older KeyServer without a change feed has accepted the session.
    return error.options.reason === 'route_not_found' ? undefined : error;
  }
}

function stageChecks(fault: ServiceError | undefined): Check[] {
  if (fault === undefined) return stages.map(({ name, summary }) => check(name, summary));
  const { reason = '' } = fault.options;
  const at = Math.max(
    0,
    stages.findIndex(({ reasons }) => reasons.some((one) => one === reason)),
  );
  return stages
    .slice(0, at + 1)
    .map(({ name, summary }, i) => check(name, summary, i === at ? [sentenceOf(fault)] : []));
}
