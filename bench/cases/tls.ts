import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../../local/certificate.ts';
import { marketplaceUrl } from '../pair/arrangement.ts';
import { startSystem } from '../pair/system.ts';
import { baseCalls, type MakeCase, plainCase } from './case.ts';

/** The warm call with TLS from the caller to SecureProxy, from there to KeyServer, and to the marketplace. */
export const tlsCases = {
  'warm-tls': async (context) => {
    const { parts } = context;
    const { ca, issue } = await createAuthority('Benchmark CA', new Date());
    const { certificate, privateKey } = await issue(['localhost', '127.0.0.1']);
    const folder = parts.folder();
    const file = (name: string, pem: string) => {
      const path = join(folder, name);
      writeFileSync(path, pem, { mode: 0o600 });
      return path;
    };
    const tls = {
      ca: file('ca.pem', ca),
      cert: file('certificate.pem', certificate),
      key: file('key.pem', privateKey),
    };
    const upstream = await parts.helper('upstream', 'bench/pair/upstream.ts', {
      TLS_CERT_FILE: tls.cert,
      TLS_KEY_FILE: tls.key,
    });
    const url = marketplaceUrl(upstream);
    const system = await startSystem(parts, { origins: [new URL(url).origin], tls });
    const proxy = await system.startProxy();
    const order = baseCalls(context, { ...system, to: proxy, urls: [url], ca });
    return plainCase('warm: TLS on all three ways', proxy, order, { passes: [proxy] });
  },
} satisfies Record<string, MakeCase>;
