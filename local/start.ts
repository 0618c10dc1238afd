/** `npm start [-- --data DIR]`: runs both services on the embedded database until a signal. */
import { join, resolve } from 'node:path';
import type { Environment } from '../shared/settings/config.ts';
import { readEnvironment } from '../shared/settings/dot-env.ts';
import { endSignal, print, runCommand, shownPath } from './command.ts';
import { logOutput } from './log-output.ts';
import { checkPorts, startPair } from './pair.ts';
import { readLocalSettings } from './settings.ts';
import { startNote } from './start-note.ts';
import { ensureCallerKey, prepareState, storagePlaces } from './state.ts';

/** Relative to the project; keyserver-admin uses this folder by default, too. */
const defaultFolder = '.data';

await runCommand('npm start', async () => {
  const environment = readEnvironment(process.env, process.cwd());
  const settings = readLocalSettings(process.argv.slice(2), environment, {
    defaultFolder,
    takesOnce: false,
  });
  const { folder } = settings;
  await checkPorts(settings);
  const proxyKeyFile = join(folder, 'proxy.key');
  await prepareState(folder, (context) => ensureCallerKey(context, 'proxy', 'local', proxyKeyFile));
  const pair = await startPair({
    settings,
    environment,
    proxyKeyFile,
    output: () => logOutput(process.stdout),
  });
  print(
    startNote({
      pair,
      folder: shownPath(folder),
      adminSettings: adminSettings(folder, environment),
    }),
  );
  const reason = await Promise.race([endSignal().then(() => undefined), pair.ended]);
  if (reason !== undefined)
    process.stderr.write(`npm start: ${reason}; stopping the other service\n`);
  await pair.stop();
  return reason === undefined ? 0 : 1;
});

/** The settings that keyserver-admin needs for this folder, beyond those of the environment. */
function adminSettings(folder: string, environment: Environment): Environment {
  const { DB_FILE, KEYRING_DIR } = storagePlaces(folder);
  // An empty DB_HOST does not hide one of `.env`, which is not read in production.
  if (environment.DB_HOST) return { NODE_ENV: 'production', DB_HOST: '', DB_FILE, KEYRING_DIR };
  const isDefault = folder === resolve(defaultFolder);
  if (isDefault && !environment.DB_FILE && !environment.KEYRING_DIR) return {};
  return { DB_FILE, KEYRING_DIR };
}
