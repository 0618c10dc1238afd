import { resolve } from 'node:path';
import { isCallerKey } from '../../../shared/crypto/caller-key.ts';
import { Type } from '../../../shared/schema/type.ts';
import { parseSettings, readSecretFile } from '../../../shared/settings/config.ts';
import { readEnvironment } from '../../../shared/settings/dot-env.ts';
import type { CheckAnswer } from '../../operations/check/ask-proxy.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import type { TokenName } from '../../operations/suggestion.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import type { AdminIo } from '../shell/io.ts';
import type { Session } from '../shell/session.ts';

export function addCheck(token: AdminCommand, session: Session): void {
  token
    .command('check')
    .summary('ask the marketplace, through SecureProxy, whether a token works')
    .description(
      `Has SecureProxy make the probe of the type, a call that changes nothing, and says what the answer means: valid,
expired, revoked, wrong_kind, limited, unreachable or unclear. Exit code 0 for valid alone.
The app key comes from a file, APP_KEY_FILE or APP_KEY; the app needs a grant for the probe. No database is used.`,
    )
    .argument('[client]', 'whose token')
    .argument('[type]', 'its token type')
    .option('--client <id>', 'the client, in place of the argument')
    .option('--type <type>', 'the type, likewise')
    .requiredOption('--proxy <url>', 'where SecureProxy is')
    .option('--key-file <path>', 'the file of the app key, in place of APP_KEY_FILE and APP_KEY')
    .examples(
      'keyserver-admin token check shop-1 ozon --proxy http://127.0.0.1:5004 --key-file app.key',
    )
    .action(
      async (first: string | undefined, second: string | undefined, options: CheckOptions) => {
        const client = given('client', first, options.client);
        const type = given('type', second, options.type);
        const { askProxy } = await import('../../operations/check/ask-proxy.ts');
        const appKey = readAppKey(session.io, options.keyFile);
        const answer = await askProxy({ client, type, proxy: options.proxy, appKey });
        const { verdict, detail } = answer;
        if (verdict !== 'valid') session.exitCode = faultsFoundExitCode;
        session.out.result({ client, type, ...answer }, `${verdict}${cause(answer)}\n  ${detail}`);
      },
    );
}

interface CheckOptions extends Partial<TokenName> {
  readonly proxy: string;
  readonly keyFile?: string;
}

/** An argument, or the option that stands for it as in the other commands of tokens. @throws OperationError input_invalid */
function given(what: string, argument: string | undefined, option: string | undefined): string {
  const value = argument ?? option;
  if (value !== undefined && (argument === undefined || option === undefined)) return value;
  throw inputInvalid(
    value === undefined ? `no ${what} is given` : `the ${what} is given twice`,
    'keyserver-admin token check CLIENT TYPE --proxy URL, or --client CLIENT --type TYPE',
  );
}

function cause({ status, code, reason }: CheckAnswer): string {
  if (status !== undefined) return ` (the marketplace answered ${status})`;
  return code === undefined ? '' : ` (${[code, reason].filter(Boolean).join(', ')})`;
}

const keySchema = Type.Object({ APP_KEY: Type.Optional(Type.String({ writeOnly: true })) });

/** @throws ConfigError, OperationError input_invalid; neither has the key */
function readAppKey({ environment, folder }: AdminIo, file: string | undefined): string {
  const key =
    file === undefined
      ? parseSettings(keySchema, readEnvironment(environment, folder), undefined, []).config.APP_KEY
      : readSecretFile('--key', resolve(folder, file));
  if (key !== undefined && isCallerKey(key, 'spk_')) return key;
  throw inputInvalid(
    key === undefined ? 'no app key is given' : 'the app key is none, or mistyped',
    'name the file that app create wrote: --key-file app.key',
  );
}
