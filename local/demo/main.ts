/**
 * `npm run demo [-- --once] [-- --data DIR]`: runs both services, a small marketplace and three apps on this
 * machine. Prints the calls and keeps running; with `--once` it exits, with code 0 only if all its claims held.
 */
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment } from '../../shared/settings/dot-env.ts';
import { adminSettings } from '../admin-settings.ts';
import { makeLocalhostCertificate } from '../certificate.ts';
import { endSignal, print, runCommand, shownPath } from '../command.ts';
import { LocalError } from '../local-error.ts';
import { checkPorts, ignoredNote, type Pair, startPair } from '../pair.ts';
import { type LocalSettings, readLocalSettings } from '../settings.ts';
import { prepareState } from '../state.ts';
import { type Marketplace, type Received, startMarketplace } from './marketplace.ts';
import { nextSteps } from './next-steps.ts';
import { makeUpCredentials, proxyKeyFile, setUpDemo } from './setup.ts';
import { type Check, runStory } from './story.ts';

await runCommand('demo', async () => {
  const settings = readLocalSettings(process.argv.slice(2), process.env, {
    defaultFolder: '.data/demo',
    takesOnce: true,
  });
  // keyserver-admin reads `.env`, the demo does not.
  const environment = readEnvironment(process.env, process.cwd());
  const admin = adminSettings(settings.folder, environment);
  await checkPorts(settings);
  let storyIsOver = false;
  const credentials = makeUpCredentials();
  const certificate = await makeLocalhostCertificate(new Date());
  const marketplace = await startMarketplace(credentials, certificate, (received) => {
    if (storyIsOver) print(`marketplace: ${summary(received)}`);
  });
  try {
    const { folder } = settings;
    const appKeys = await prepareState(folder, (context) =>
      setUpDemo(context, folder, marketplace.origin, credentials),
    );
    writeFileSync(caFile(folder), certificate.ca);
    const pair = await start(settings);
    try {
      introduce(settings, pair, marketplace);
      const { secureproxyOrigin } = pair;
      const checks = await runStory({
        secureproxyOrigin,
        marketplace,
        credentials,
        appKeys,
        print,
      });
      const allHold = report(checks);
      if (settings.once) return allHold ? 0 : 1;
      storyIsOver = true;
      print();
      print(nextSteps(secureproxyOrigin, folder, admin));
      await keepRunning(pair);
      return allHold ? 0 : 1;
    } finally {
      await pair.stop();
    }
  } finally {
    await marketplace.close();
  }
});

function start(settings: LocalSettings): Promise<Pair> {
  const { folder } = settings;
  return startPair({
    settings,
    environment: process.env,
    proxyKeyFile: proxyKeyFile(folder),
    secureproxy: { UPSTREAM_CA_FILE: caFile(folder) },
    output: (service) => createWriteStream(join(folder, `${service}.log`), { mode: 0o600 }),
  });
}

function introduce({ folder }: LocalSettings, pair: Pair, { origin }: Marketplace): void {
  print('SecureProxy demo: three apps call two marketplaces, and none has a token.');
  print();
  print(`  KeyServer    ${pair.keyserverOrigin}`);
  print(`  SecureProxy  ${pair.secureproxyOrigin}`);
  print(`  Marketplace  ${origin}, answers like Ozon's and Wildberries'`);
  print(`  State, logs  ${shownPath(folder)}`);
  if (pair.ignored.length > 0) print(`  Ignored      ${ignoredNote(pair)}`);
  print();
}

/** Prints the result of the checks. Returns true if all hold. */
function report(checks: readonly Check[]): boolean {
  const failed = checks.filter(({ holds }) => !holds);
  for (const { claim } of failed) process.stderr.write(`demo: FAILED: ${claim}\n`);
  print(`Checked: ${checks.length - failed.length} of ${checks.length} claims hold.`);
  return failed.length === 0;
}

async function keepRunning(pair: Pair): Promise<void> {
  const reason = await Promise.race([endSignal().then(() => undefined), pair.ended]);
  if (reason !== undefined) throw new LocalError(reason);
}

function summary({ method, path, status }: Received): string {
  return `${method} ${path}: ${status}`;
}

function caFile(folder: string): string {
  return join(folder, 'ca.pem');
}
