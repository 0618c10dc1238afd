import { startSystem } from '../pair/system.ts';
import { type FigureContext, figure } from './figure.ts';

/** Time from the start of a process to the first 200 of `/readyz`, which is polled every 40 ms. */
export async function measureStart(context: FigureContext) {
  const { parts, rounds, upstreamUrl, progress } = context;
  const system = await startSystem(parts, { origins: [new URL(upstreamUrl).origin] });
  const times = { keyserver: [] as number[], secureproxy: [] as number[] };
  const starts = {
    keyserver: system.startKeyserver,
    secureproxy: system.startProxy,
  };
  for (let round = 1; round <= rounds; round++) {
    progress(`start, ${round} of ${rounds}`);
    for (const service of ['keyserver', 'secureproxy'] as const) {
      const began = performance.now();
      const part = await starts[service]();
      times[service].push(performance.now() - began);
      await part.stop();
    }
  }
  return [
    figure('start-keyserver', 'KeyServer: start to ready', 'ms', times.keyserver),
    figure('start-secureproxy', 'SecureProxy: start to ready', 'ms', times.secureproxy),
  ];
}
