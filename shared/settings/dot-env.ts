import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError, type Environment } from './config.ts';
import { kindFault } from './file-mode.ts';
import { readText, unreadable } from './text-file.ts';

/**
 * Returns the settings of a process: its environment, then the `.env` of `folder`, which is not read in
 * production (`NODE_ENV=production`). An empty value counts as unset, so it does not override `.env`.
 * @throws ConfigError if there is a `.env` that cannot be read
 */
export function readEnvironment(processEnv: Environment, folder: string): Environment {
  if (processEnv.NODE_ENV === 'production') return processEnv;
  const set = Object.entries(processEnv).filter(([, value]) => value !== undefined && value !== '');
  return { ...readEnvFile(join(folder, '.env')), ...Object.fromEntries(set) };
}

function readEnvFile(file: string): Environment {
  let text = '';
  let fault: string | undefined;
  try {
    fault = kindFault(file);
    if (fault === undefined) text = readText(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    throw new ConfigError([unreadable(file, error)]);
  }
  if (fault !== undefined) throw new ConfigError([fault]);
  return parseEnv(text);
}
