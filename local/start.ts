/** `npm start [-- --data DIR]`: runs both services on the embedded database until a signal. */
import { join } from 'node:path';
import { readEnvironment } from '../shared/settings/dot-env.ts';
import { adminSettings, defaultFolder } from './admin-settings.ts';
import { endSignal, print, runCommand, shownPath } from './command.ts';
import { logOutput } from './log-output.ts';
import { checkPorts, startPair } from './pair.ts';
import { readLocalSettings } from './settings.ts';
import { startNote } from './start-note.ts';
import { ensureCallerKey, prepareState } from './state.ts';

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
