import { CommanderError } from 'commander';
import { ConfigError } from '../../../shared/settings/config.ts';
import { OperationError } from '../../operations/operation-error.ts';
import { StoreError, type StoreErrorKind } from '../../store/store-error.ts';
import type { FailureCode } from './exit-codes.ts';
import { OutputError } from './output-error.ts';
import { inShell } from './suggestions.ts';

/** A failure as the operator sees it: what is wrong, and what to do next. Neither has a secret. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  readonly hint: string;
}

const checkDatabase =
  'check the DB_ settings and that the database runs; keyserver-admin doctor checks both';
const hints: Partial<Record<StoreErrorKind, string>> = {
  table_missing: 'run keyserver-admin migrate',
  timeout: 'try again, or raise DB_TIMEOUT_MS',
  privilege_missing:
    'grant it to the user, or let the tool log in as one that has it; docs/deployment.md lists the privileges',
  read_only: 'name the primary server, or a file that can be written',
  too_large: 'raise it on the server and its clients, or store a smaller document',
  no_room: 'make room on the disk of the database, then try again',
  locked: 'try again when others no longer hold the lock, or raise DB_TIMEOUT_MS',
};

/** An error that may have come after the commit; `remark` ends the hint that its cause has. */
export class UncertainError extends Error {
  override readonly name = 'UncertainError';
  readonly remark: string;

  constructor(cause: unknown, remark: string) {
    super('the outcome is not known', { cause });
    this.remark = remark;
  }
}

/** The {@link Failure} for anything thrown. An unknown error's text is hidden: it might quote SQL or a secret. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof OperationError) {
    return { code: thrown.code, message: thrown.message, hint: inShell(thrown.suggestion) };
  }
  if (thrown instanceof UncertainError) {
    const { code, message, hint } = toFailure(thrown.cause);
    return { code, message, hint: `${hint}; ${thrown.remark}` };
  }
  if (thrown instanceof OutputError) return thrown;
  if (thrown instanceof CommanderError) return usageFailure(thrown);
  if (thrown instanceof ConfigError) {
    return { code: 'settings_invalid', message: thrown.message, hint: settingsHint(thrown.faults) };
  }
  if (thrown instanceof StoreError) {
    const hint = hints[thrown.kind] ?? checkDatabase;
    return { code: 'database_unavailable', message: thrown.message, hint };
  }
  return {
    code: 'internal',
    message: `unexpected failure (${thrown instanceof Error ? thrown.name : typeof thrown})`,
    hint: 'run it again with NODE_DEBUG=keyserver-admin for details, and report it',
  };
}

function settingsHint(faults: readonly string[]): string {
  if (faults.every((fault) => fault.startsWith('KEYRING_DIR'))) {
    return 'set KEYRING_DIR to the folder of the at-rest keys; without it, lists, show, export and doctor take --unverified';
  }
  return 'change the environment, .env or the key files; npm start makes a database and keys in .data; docs/admin.md lists the settings';
}

const suggestion = /\(Did you mean (.+)\?\)/;

function usageFailure(error: CommanderError): Failure {
  if (error.code === 'commander.help') {
    const hint = 'add --help to see what it takes';
    return { code: 'usage', message: 'the command is incomplete', hint };
  }
  return { code: 'usage', message: withoutValues(error), hint: hintFor(error) };
}

function hintFor({ code, message }: CommanderError): string {
  const meant = suggestion.exec(message)?.[1];
  if (meant !== undefined) return `did you mean ${meant}?`;
  return code === 'commander.unknownOption' && /'-[a-z]{2,}/.test(message)
    ? 'options of more than one letter begin with --'
    : 'add --help to the command to see what it takes';
}

/** Commander's sentence without the arguments that it quotes: one may be a misplaced secret. */
function withoutValues({ code, message }: CommanderError): string {
  const sentence = message.replace(/^error: /, '').replace(/\n\(Did you mean .*$/s, '');
  if (code === 'commander.unknownOption') {
    const [name = ''] = /--[\w-]+|-\w/.exec(sentence) ?? [];
    return `unknown option ${name}`;
  }
  if (code === 'commander.invalidArgument') {
    const [, place = 'the value'] = /(?:option|for argument) '([^']+)'/.exec(sentence) ?? [];
    const [, choices] = /Allowed choices are (.+)\.$/.exec(sentence) ?? [];
    return choices === undefined ? `${place} is not valid` : `${place} must be one of ${choices}`;
  }
  if (code === 'commander.unknownCommand') {
    return /^unknown command '[a-z-]{1,20}'$/.test(sentence) ? sentence : 'unknown command';
  }
  return sentence;
}
