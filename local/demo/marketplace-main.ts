/**
 * The demo's marketplace as a program of its own, for compose.yaml: `node local/marketplace-main.ts NAME PORT
 * STATE CA` serves https://NAME:PORT. The first start makes credentials and a certificate and stores them in the
 * folder STATE. Every start writes `ca.pem` to the folder CA, for UPSTREAM_CA_FILE.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, type ServerCertificate } from '../certificate.ts';
import { endSignal, print, runCommand } from '../command.ts';
import { LocalError } from '../local-error.ts';
import { type MarketplaceCredentials, startMarketplace } from './marketplace.ts';
import { makeUpCredentials } from './setup.ts';

interface Identity {
  readonly credentials: MarketplaceCredentials;
  readonly certificate: ServerCertificate;
}

await runCommand('marketplace', async () => {
  const [name, port, stateFolder, caFolder] = process.argv.slice(2);
  if (!name || !port || !stateFolder || !caFolder) {
    throw new LocalError('usage: node local/marketplace-main.ts NAME PORT STATE CA');
  }
  const { credentials, certificate } = await identity(name, stateFolder);
  writeFileSync(join(caFolder, 'ca.pem'), certificate.ca);
  const marketplace = await startMarketplace(
    credentials,
    certificate,
    ({ method, path, status }) => print(`${method} ${path}: ${status}`),
    { host: '0.0.0.0', port: Number(port) },
  );
  print(`marketplace: https://${name}:${port}`);
  await endSignal();
  await marketplace.close();
  return 0;
});

/** Reads the identity of an earlier start, or makes one, with files for `keyserver-admin token put` beside it. */
async function identity(name: string, folder: string): Promise<Identity> {
  const file = join(folder, 'identity.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Identity;
  const credentials = makeUpCredentials();
  const { ca, issue } = await createAuthority('Demo marketplace CA', new Date());
  const made: Identity = { credentials, certificate: { ca, ...(await issue([name])) } };
  const { ozon, wildberries } = credentials;
  const write = (path: string, content: unknown) =>
    writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
  write(join(folder, 'ozon.json'), { clientId: ozon.clientId, apiKey: ozon.apiKey });
  write(join(folder, 'wildberries.json'), wildberries);
  // Written last: if it is missing, the next start makes all files again.
  write(file, made);
  return made;
}
