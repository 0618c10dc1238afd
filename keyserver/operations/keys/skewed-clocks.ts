import { isLive } from '../../replicas/report.ts';
import type { OperationContext } from '../context.ts';
import { count } from '../count.ts';
import { readReplicas } from './confirm.ts';

/** Reports come every three seconds, and tell their age in whole seconds of the database's clock. */
const toleratedSeconds = 10;

/**
 * Sentences on live KeyServers, one a host, whose clock differs from this machine's: they judge by theirs when the keys
 * and tokens end that are made by this one. @throws StoreError
 */
export async function skewedClocks(
  context: Pick<OperationContext, 'store' | 'keyring' | 'clock'>,
): Promise<string[]> {
  const sentences = new Map<string, string>();
  for (const replica of await readReplicas(context)) {
    const { report, ageSeconds } = replica;
    if (!isLive(replica) || report?.now === undefined) continue;
    const seconds = Math.round((context.clock.now() - report.now) / 1000) - ageSeconds;
    if (Math.abs(seconds) <= toleratedSeconds) continue;
    const side = seconds > 0 ? 'ahead of' : 'behind';
    sentences.set(
      report.host,
      `this machine's clock is ${count(Math.abs(seconds), 'second')} ${side} that of the KeyServer ${report.host}, ` +
        'which judges by its own when keys and tokens end: synchronise both',
    );
  }
  return [...sentences.values()];
}
