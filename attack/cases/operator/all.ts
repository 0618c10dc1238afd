import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { startService } from '../../../local/processes.ts';
import { storagePlaces } from '../../../local/state.ts';
import type { Problem } from '../../../shared/http/problem.ts';
import type { Environment } from '../../../shared/settings/config.ts';
import { selfSigned } from '../../../test/support/certificates.ts';
import { postJson } from '../../../test/support/exchange-client.ts';
import { freePort } from '../../../test/support/free-port.ts';
import { writeKeyFolder } from '../../../test/support/key-folders.ts';
import { pollUntil } from '../../../test/support/poll-until.ts';
import { ServiceOutput } from '../../../test/support/service-output.ts';
import { type Attack, ownOf, type Scene } from '../../scene/attack.ts';
import { newRequest } from '../../scene/keyserver.ts';
import { mistakes } from '../../scene/mistake.ts';
import { show } from '../tls.ts';
import { fleetAttacks } from './fleet.ts';
import { imageAttacks } from './images.ts';
import { keyFileMistakes, kidOf } from './keys.ts';
import { presetAttacks } from './presets.ts';
import { rowAttacks } from './rows.ts';
import { settingMistakes } from './settings.ts';

/** Starts another service beside the pair and calls `use` with its origin. */
async function beside<T>(
  name: 'keyserver' | 'secureproxy',
  environment: Environment,
  use: (origin: string) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const service = await startService({
    title: name,
    main: `${name}/main.ts`,
    port,
    output: new ServiceOutput(),
    environment: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      ...environment,
    },
  });
  try {
    return await use(`http://127.0.0.1:${port}`);
  } finally {
    await service.stop();
  }
}

/** KeyServer over the pair's database, with another key under the right one’s kid, which takes no calls. */
async function wrongKey(scene: Scene) {
  const places = storagePlaces(ownOf(scene).folder);
  const KEYRING_DIR = join(ownOf(scene).folder, 'wrong');
  writeKeyFolder(KEYRING_DIR, { [`${kidOf(places.KEYRING_DIR)}.key`]: randomBytes(32) });
  const { request } = await newRequest(scene);
  const port = await freePort();
  const settings = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port) };
  const env = { ...settings, ...places, KEYRING_DIR };
  const child = fork('keyserver/main.ts', { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const ended = once(child, 'exit');
  try {
    const answer = () => postJson(`http://127.0.0.1:${port}`, request).catch(() => undefined);
    const answered = await pollUntil('it answers', answer, (one) => one !== undefined, 20_000);
    const { status, text = '' } = answered ?? {};
    const { code, reason } = JSON.parse(text) as Partial<Problem>;
    const held = code === 'keyserver_unavailable' && reason === 'keys_missing';
    return { held, happened: `${status} ${code} (${reason})` };
  } finally {
    child.kill();
    await ended;
  }
}

/** Sets the variable of Node that turns off the verification of certificates. */
async function unverified(scene: Scene) {
  const { proxyKey, keyserver, names, folder } = ownOf(scene);
  const settings = {
    PROXY_KEY: proxyKey,
    PUBLIC_KEY_URL: `${keyserver}/public_key`,
    TOKEN_REQUEST_URL: `${keyserver}/`,
    UPSTREAM_CA_FILE: join(folder, 'ca.pem'),
    UPSTREAM_DNS_SERVERS: names.address,
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
  };
  return beside('secureproxy', settings, (proxy) =>
    show({ ...scene, proxy }, (host) =>
      selfSigned({ alternatives: [{ type: 'dns', value: host }] }),
    ),
  );
}

/** Mistakes of operators, also those that others talk them into. */
export const operatorAttacks: readonly Attack[] = [
  ...mistakes({ ...keyFileMistakes, ...settingMistakes }),
  ...fleetAttacks,
  ...presetAttacks,
  ...rowAttacks,
  ...imageAttacks,
  {
    class: 'operator',
    name: 'a wrong at-rest key under the right kid',
    ownOnly: true,
    run: wrongKey,
  },
  {
    class: 'operator',
    name: 'NODE_TLS_REJECT_UNAUTHORIZED=0, and a certificate signed by itself',
    ownOnly: true,
    run: unverified,
  },
];
