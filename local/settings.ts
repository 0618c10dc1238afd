import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Type } from '../shared/schema/type.ts';
import { type Environment, parseSettings } from '../shared/settings/config.ts';
import { LocalError } from './local-error.ts';

const Port = (value: number) => Type.Integer({ default: value, minimum: 1, maximum: 65535 });
const schema = Type.Object({ KEYSERVER_PORT: Port(5001), SECUREPROXY_PORT: Port(5004) });

export interface LocalSettings {
  readonly keyserverPort: number;
  readonly secureproxyPort: number;
  /** Absolute path of the folder that holds all state. */
  readonly folder: string;
  /** `--once`; false if the command has no such option. */
  readonly once: boolean;
}

/**
 * Reads `--data DIR`, `--once` if `takesOnce`, and the two ports. `defaultFolder` is relative to the project,
 * DIR to the working directory. @throws LocalError, ConfigError
 */
export function readLocalSettings(
  args: readonly string[],
  environment: Environment,
  { defaultFolder, takesOnce }: { defaultFolder: string; takesOnce: boolean },
): LocalSettings {
  const { data, once } = parseFlags(args, takesOnce);
  const { KEYSERVER_PORT, SECUREPROXY_PORT } = parseSettings(schema, environment).config;
  if (KEYSERVER_PORT === SECUREPROXY_PORT) {
    throw new LocalError(`KEYSERVER_PORT and SECUREPROXY_PORT are both ${KEYSERVER_PORT}`);
  }
  return {
    keyserverPort: KEYSERVER_PORT,
    secureproxyPort: SECUREPROXY_PORT,
    folder: data === undefined ? resolve(import.meta.dirname, '..', defaultFolder) : resolve(data),
    once,
  };
}

function parseFlags(args: readonly string[], takesOnce: boolean) {
  const data = { data: { type: 'string' } } as const;
  const once = { once: { type: 'boolean', default: false } } as const;
  try {
    if (!takesOnce) {
      return { ...parseArgs({ args: [...args], options: data }).values, once: false };
    }
    const { values } = parseArgs({ args: [...args], options: { ...data, ...once } });
    return values;
  } catch (error) {
    throw new LocalError((error as Error).message);
  }
}
