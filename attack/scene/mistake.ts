import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storagePlaces } from '../../local/state.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { findLeaks, type Secrets } from '../../test/support/leaks.ts';
import { runToEnd } from '../../test/support/run-to-end.ts';
import { type Attack, type Outcome, ownOf, type Scene } from './attack.ts';

const limitMs = 20_000;
/** EX_CONFIG of sysexits.h: a service's exit code if a restart will not help. */
const configExitCode = 78;

/** A folder with copies of the keys, in which a mistake is made. */
export interface Place {
  readonly scene: Scene;
  readonly folder: string;
  /** Paths as KeyServer's settings name them. */
  readonly places: ReturnType<typeof storagePlaces>;
}

/** One mistake of an operator, and what the program must print. */
export interface Mistake {
  /** Default: KeyServer. */
  readonly main?: string;
  readonly args?: readonly string[];
  /** Makes the mistake; returns settings that override the valid ones. */
  make(place: Place): Environment | Promise<Environment>;
  readonly says: RegExp;
  readonly code?: number;
  /** Must not be printed, like the scene's own secrets. */
  readonly secrets?: Secrets;
}

/** Each mistake: held if the program ends at once, names the fault and prints no secret. */
export function mistakes(all: Readonly<Record<string, Mistake>>): Attack[] {
  return Object.entries(all).map(([name, mistake]) => ({
    class: 'operator',
    name,
    ownOnly: true,
    run: (scene) => tryOut(scene, mistake),
  }));
}

async function tryOut(scene: Scene, mistake: Mistake): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'mistake-'));
  try {
    const { proxyKey, keyserver, folder: ownFolder } = ownOf(scene);
    const places = storagePlaces(folder);
    const { KEYRING_DIR, RSA_KEY_DIR } = storagePlaces(ownFolder);
    cpSync(KEYRING_DIR, places.KEYRING_DIR, { recursive: true });
    cpSync(RSA_KEY_DIR, places.RSA_KEY_DIR, { recursive: true });
    const { main = 'keyserver/main.ts', args = [], make, says, code = configExitCode } = mistake;
    const usual = main.startsWith('keyserver/')
      ? places
      : {
          PROXY_KEY: proxyKey,
          PUBLIC_KEY_URL: `${keyserver}/public_key`,
          TOKEN_REQUEST_URL: `${keyserver}/`,
        };
    const environment = { PORT: '0', ...usual, ...(await make({ scene, folder, places })) };
    const ended = await runToEnd(main, args, { environment, folder, limitMs });
    const secrets = { proxyKey, token: scene.token, ...mistake.secrets };
    const leaked = findLeaks(ended.output, secrets).map(({ secret }) => secret);
    const said = ended.output.replaceAll(folder, '').replace(/\s+/g, ' ').trim().slice(0, 160);
    const end = ended.code === null ? 'went on' : `code ${ended.code}`;
    return {
      held: ended.code === code && says.test(ended.output) && leaked.length === 0,
      happened: `${end}${leaked.length > 0 ? `, printed ${leaked.join()}` : ''}: ${said}`,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
