import { upstreamAddresses } from '../pair/addresses.ts';
import { startSystem } from '../pair/system.ts';
import { baseCalls, type Case, type CaseContext, type MakeCase, plainCase } from './case.ts';

/** Calls to one marketplace, and by turns to a thousand, each by its own SecureProxy, whose memory is compared. */
export const originCases = {
  'origins-1': (context) => callsTo(context, 1, 'one upstream origin, fresh process'),
  'origins-1000': (context) => callsTo(context, 1000, '1,000 upstream origins by turns'),
} satisfies Record<string, MakeCase>;

async function callsTo(context: CaseContext, count: number, what: string): Promise<Case> {
  const { parts } = context;
  const upstream = await parts.helper('upstream', 'bench/pair/upstream.ts', {
    ADDRESSES: String(count),
  });
  const urls = upstreamAddresses(count).map((address) => {
    const url = new URL('/v1/orders', upstream.origin);
    url.hostname = address;
    return url;
  });
  const system = await startSystem(parts, { origins: urls.map(({ origin }) => origin) });
  const proxy = await system.startProxy();
  const calls = {
    ...system,
    to: proxy,
    urls: urls.map(({ href }) => href),
    use: 'by-turns',
  } as const;
  return plainCase(`warm: ${what}`, proxy, baseCalls(context, calls), { passes: [proxy] });
}
