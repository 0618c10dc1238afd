import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { maxUnwrapsPerSecond } from '../cases/keyserver.ts';
import { unpin } from '../machine/cores.ts';
import type { LoopDelay } from '../machine/loop-delay.ts';
import { orderLoad } from '../measure/measure.ts';
import { exchangeOrder } from '../pair/calls.ts';
import { createExchanges } from '../pair/exchanges.ts';
import { type FigureContext, figure } from './figure.ts';

const callers = 64;
const pollMs = 20;

/**
 * Delay of KeyServer's event loop while 64 callers bring a new session key each time. KeyServer may use all
 * cores: on one, the threads that unwrap would compete with the loop.
 */
export async function measureStorm(context: FigureContext) {
  const { load, parts, seconds, rounds } = context;
  const count = Math.ceil(seconds * maxUnwrapsPerSecond);
  const p50: number[] = [];
  const p99: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    context.progress(`storm, ${round} of ${rounds}`);
    const file = join(parts.folder(), 'loop-delay.json');
    const keyserver = await context.startKeyserver({
      NODE_OPTIONS: `--import ${join(import.meta.dirname, '../machine/loop-delay.ts')}`,
      LOOP_DELAY_FILE: file,
    });
    if (parts.cores) unpin(keyserver.pid, parts.cores);
    const exchanges = await createExchanges({ ...context, keyserver }, context.upstreamUrl);
    const storm = (maxRequests: number) =>
      orderLoad(load, {
        ...exchangeOrder(keyserver, exchanges.rsa(maxRequests), { use: 'by-turns', maxRequests }),
        concurrency: callers,
        seconds,
      });
    await storm(callers * 4);
    process.kill(keyserver.pid, 'SIGUSR2');
    await storm(count);
    process.kill(keyserver.pid, 'SIGUSR2');
    while (!existsSync(file)) await sleep(pollMs);
    const measured = JSON.parse(readFileSync(file, 'utf8')) as LoopDelay;
    p50.push(measured.p50Ms);
    p99.push(measured.p99Ms);
    await keyserver.stop();
  }
  const title = 'KeyServer: event loop late in a storm of RSA';
  return [
    figure('storm-delay-p50', `${title}, p50`, 'ms', p50),
    figure('storm-delay-p99', `${title}, p99`, 'ms', p99),
  ];
}
