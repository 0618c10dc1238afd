import type { Writable } from 'node:stream';
import { storageSettings } from '../keyserver/storage/settings.ts';
import { listenerSettings } from '../shared/listen/listener-settings.ts';
import type { Environment } from '../shared/settings/config.ts';
import { checkPortFree } from './ports.ts';
import { type ServiceProcess, startService } from './processes.ts';
import type { LocalSettings } from './settings.ts';
import { storagePlaces } from './state.ts';

/** Both services, running as processes on this machine. */
export interface Pair {
  readonly keyserverOrigin: string;
  readonly secureproxyOrigin: string;
  readonly keyserverPid: number | undefined;
  readonly secureproxyPid: number | undefined;
  /** Names of the environment's settings that neither service got, because the pair chooses them itself. */
  readonly ignored: readonly string[];
  /** Resolves to a sentence when one of the two has ended, whether stopped or not. */
  readonly ended: Promise<string>;
  /** Stops SecureProxy, then KeyServer. */
  stop(): Promise<void>;
}

export interface PairOptions {
  readonly settings: LocalSettings;
  /** Source of the settings that the pair does not choose itself, such as `LOG_LEVEL` and `WORKERS`. */
  readonly environment: Environment;
  readonly proxyKeyFile: string;
  /** Further settings of SecureProxy. */
  readonly secureproxy?: Environment;
  readonly output: (service: 'keyserver' | 'secureproxy') => Writable;
}

/** @throws LocalError naming the port and the setting to change */
export async function checkPorts({ keyserverPort, secureproxyPort }: LocalSettings): Promise<void> {
  await checkPortFree(keyserverPort, 'KEYSERVER_PORT');
  await checkPortFree(secureproxyPort, 'SECUREPROXY_PORT');
}

/** Listener settings that both services take from the environment. */
const passedToBoth = new Set(['LOG_LEVEL', 'WORKERS']);

/** Settings that the pair chooses itself, so that those of another installation have no effect. */
const chosenHere = new Set(
  [
    ...Object.keys(storageSettings),
    ...Object.keys(listenerSettings(0)).filter((name) => !passedToBoth.has(name)),
    ...['DB_MIGRATE', 'RSA_KEY_DIR', 'GENERATE_KEYS'],
    ...['PROXY_KEY', 'PUBLIC_KEY_URL', 'TOKEN_REQUEST_URL', 'PUBLIC_KEY_PINS'],
    ...['KEYSERVER_CA_FILE', 'KEYSERVER_CLIENT_CERT_FILE', 'KEYSERVER_CLIENT_KEY_FILE'],
  ].flatMap((name) => [name, `${name}_FILE`]),
);

/** Starts both services on prepared state (see prepareState). @throws LocalError with nothing left running */
export async function startPair(options: PairOptions): Promise<Pair> {
  const { keyserverPort, secureproxyPort, folder } = options.settings;
  const chosen = chosenHere.union(new Set(Object.keys(options.secureproxy ?? {})));
  const passedOn = Object.entries(options.environment).filter(([name]) => !chosen.has(name));
  // In production a service does not read `.env`.
  const common: Environment = {
    ...Object.fromEntries(passedOn),
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
  };
  const keyserverOrigin = `http://127.0.0.1:${keyserverPort}`;
  const forKeyserver: Environment = {
    ...common,
    ...storagePlaces(folder),
    PORT: String(keyserverPort),
    GENERATE_KEYS: '1',
  };
  const forSecureproxy: Environment = {
    ...common,
    ...options.secureproxy,
    PORT: String(secureproxyPort),
    PROXY_KEY_FILE: options.proxyKeyFile,
    PUBLIC_KEY_URL: `${keyserverOrigin}/public_key`,
    TOKEN_REQUEST_URL: `${keyserverOrigin}/`,
  };
  const keyserver = await startService({
    title: 'KeyServer',
    main: 'keyserver/main.ts',
    port: keyserverPort,
    output: options.output('keyserver'),
    environment: forKeyserver,
  });
  const secureproxy = await startService({
    title: 'SecureProxy',
    main: 'secureproxy/main.ts',
    port: secureproxyPort,
    output: options.output('secureproxy'),
    environment: forSecureproxy,
  }).catch(async (error: unknown) => {
    await keyserver.stop();
    throw error;
  });
  return {
    keyserverOrigin,
    secureproxyOrigin: `http://127.0.0.1:${secureproxyPort}`,
    keyserverPid: keyserver.pid,
    secureproxyPid: secureproxy.pid,
    ignored: ignoredSettings(options.environment, chosen, [forKeyserver, forSecureproxy]),
    ended: Promise.race([endOf(keyserver), endOf(secureproxy)]),
    stop: async () => {
      await secureproxy.stop();
      await keyserver.stop();
    },
  };
}

/** A setting whose value is the pair's own is no news. */
function ignoredSettings(
  given: Environment,
  chosen: ReadonlySet<string>,
  got: readonly Environment[],
): string[] {
  return Object.entries(given)
    .filter(([name, value]) => chosen.has(name) && value && !got.some((own) => own[name] === value))
    .map(([name]) => name)
    .sort();
}

/** Tells people which of their settings have no effect, and which commands read them. */
export function ignoredNote({ ignored }: Pair): string {
  return `${ignored.join(', ')} (npm run keyserver, npm run secureproxy read them)`;
}

async function endOf({ title, exited }: ServiceProcess): Promise<string> {
  return `${title} ended (${await exited})`;
}
