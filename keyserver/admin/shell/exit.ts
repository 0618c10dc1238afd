import { CommanderError } from 'commander';
import { ConfigError } from '../../../shared/settings/config.ts';
import { AdminError, type AdminErrorCode } from '../../operations/operation-error.ts';
import { StoreUnavailableError } from '../../store/store.ts';

/** Every way the tool fails, with the exit code for scripts (docs/admin.md). */
const exitCodes: Record<AdminErrorCode, number> = {
  not_found: 1,
  integrity_failed: 1,
  usage: 2,
  input_invalid: 2,
  already_exists: 2,
  settings_invalid: 3,
  database_unavailable: 4,
  migrations_pending: 4,
  /** EX_SOFTWARE of sysexits.h: a fault of the tool itself. */
  internal: 70,
};

export function exitCodeOf({ code }: AdminError): number {
  return exitCodes[code];
}

/** Exit code where a command did its work and what it looked at is not in order. */
export const faultsFoundExitCode = 1;

/** What to show for anything thrown. An unknown error's text stays inside: it might quote SQL or a secret. */
export function toAdminError(thrown: unknown): AdminError {
  if (thrown instanceof AdminError) return thrown;
  if (thrown instanceof CommanderError) return usageError(thrown);
  if (thrown instanceof ConfigError) {
    return new AdminError(
      'settings_invalid',
      thrown.message,
      'change the environment, .env or the key files; docs/admin.md lists the settings',
    );
  }
  if (thrown instanceof StoreUnavailableError) {
    return new AdminError(
      'database_unavailable',
      thrown.message,
      'check the DB_ settings and that the database runs; keyserver-admin doctor checks both',
    );
  }
  return new AdminError(
    'internal',
    `unexpected failure (${thrown instanceof Error ? thrown.name : typeof thrown})`,
    'run it again with NODE_DEBUG=keyserver-admin for details, and report it',
  );
}

const suggestion = /\(Did you mean (.+)\?\)/;

function usageError(error: CommanderError): AdminError {
  if (error.code === 'commander.help') {
    return new AdminError(
      'usage',
      'the command is incomplete',
      'add --help to it to see what it takes',
    );
  }
  const what = withoutValues(error);
  const meant = suggestion.exec(error.message)?.[1];
  if (meant !== undefined) return new AdminError('usage', what, `is ${meant} meant?`);
  return new AdminError('usage', what, 'add --help to the command to see what it takes');
}

/** Commander's sentence, which quotes arguments whole: a secret may be among them that belongs elsewhere. */
function withoutValues({ code, message }: CommanderError): string {
  const sentence = message.replace(/^error: /, '').replace(/\n\(Did you mean .*$/s, '');
  if (code === 'commander.unknownOption') {
    const [name = ''] = /--[\w-]+|-\w/.exec(sentence) ?? [];
    return `unknown option ${name}`;
  }
  if (code === 'commander.unknownCommand') {
    return /^unknown command '[a-z-]{1,20}'$/.test(sentence) ? sentence : 'unknown command';
  }
  return sentence;
}
