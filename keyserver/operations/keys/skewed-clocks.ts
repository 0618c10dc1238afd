import { isLive } from '../../replicas/report.ts';
import type { ReadContext } from '../context.ts';
import { count } from '../count.ts';
import { readReplicas } from './confirm.ts';

/** Reports come every three seconds, and tell their age in whole seconds of the database's clock. */
const toleratedSeconds = 10;

/**
 * Sentences on live KeyServers whose clock differs from this machine's: they judge by theirs when the keys and tokens
 * end that are made by this one. @throws StoreError
 */
export async function skewedClocks({
  store,
  keyring,
  clock,
}: Pick<ReadContext, 'store' | 'keyring' | 'clock'>): Promise<string[]> {
  if (keyring === undefined) return [];
  const sentences = (await readReplicas({ store, keyring })).flatMap((replica) => {
    const { report, ageSeconds } = replica;
    if (!isLive(replica) || report?.now === undefined) return [];
    const seconds = Math.round((clock.now() - report.now) / 1000) - ageSeconds;
    if (Math.abs(seconds) <= toleratedSeconds) return [];
    const side = seconds > 0 ? 'ahead of' : 'behind';
    return [
      `this machine's clock is ${count(Math.abs(seconds), 'second')} ${side} that of the KeyServer ${report.host}, ` +
        'which judges by its own when keys and tokens end: synchronise both',
    ];
  });
  return [...new Set(sentences)];
}
