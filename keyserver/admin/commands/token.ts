import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { ReadContext } from '../../operations/context.ts';
import { parseExpiry } from '../../operations/expiry.ts';
import { inputInvalid } from '../../operations/operation-error.ts';
import { parseSecretInput, readSecretBytes } from '../../operations/secret-input.ts';
import type { TokenName } from '../../operations/suggestion.ts';
import {
  deleteToken,
  listTokens,
  putToken,
  readToken,
  type TokenSummary,
} from '../../operations/tokens.ts';
import type { AdminCommand } from '../shell/admin-command.ts';
import { parseDuration } from '../shell/duration.ts';
import { faultsFoundExitCode } from '../shell/exit-codes.ts';
import { namedFile, readable } from '../shell/input-file.ts';
import type { ReadOptions, Session } from '../shell/session.ts';
import { record } from '../shell/text/table.ts';
import { addExport, addImport } from './token-bulk.ts';
import { addCheck } from './token-check.ts';
import { addUnverified, verificationOf } from './unverified.ts';

export function defineToken(token: AdminCommand, session: Session): void {
  token.examples(
    'keyserver-admin token put --client shop-1 --type wildberries < token.txt',
    'keyserver-admin token list',
  );
  addPut(token, session);
  addImport(token, session);
  addExport(token, session);
  addList(token, session);
  addShow(token, session);
  addDelete(token, session);
  addCheck(token, session);
}

function addPut(token: AdminCommand, session: Session): void {
  const { io, out } = session;
  token
    .command('put')
    .summary('store or replace a token')
    .description(
      `Stores or replaces a client's token. The secret comes from stdin or a file, never as an argument:
the bare token or, if it starts with {, a JSON object of its fields.`,
    )
    .requiredOption('--client <id>', 'whose token')
    .requiredOption('--type <type>', 'its token type')
    .option(
      '--expires <time>',
      'its expiry: ISO 8601, such as 2030-01-31T18:00:00Z, or never; default: that of a JWT',
    )
    .option('--file <path>', 'read the secret from this file, not from stdin')
    .examples(
      'keyserver-admin token put --client shop-1 --type wildberries < token.txt',
      'pass show shop-1 | keyserver-admin token put --client shop-1 --type wildberries --expires 2030-01-31',
      'keyserver-admin token put --client shop-1 --type ozon-seller --file ./ozon.json',
    )
    .action(async (options: TokenName & { expires?: string; file?: string }) => {
      const { client, type, expires, file } = options;
      const expiresAt = expires === undefined ? undefined : parseExpiry(expires, io.clock.now());
      const fields = parseSecretInput(await readSecret(session, namedFile(file)));
      await session.withContext(async (context) => {
        const put = { clientId: client, tokenType: type, fields, expiresAt };
        const { replaced, kind, warnings, ...stored } = await putToken(context, put);
        out.warn(warnings);
        out.result(
          {
            ...{ client, type, replaced, fields: Object.keys(fields) },
            ...{ expiresAt: stored.expiresAt ?? null, kind: kind ?? null, warnings },
          },
          [
            `${replaced ? 'replaced' : 'stored'} the token of ${client} for ${type}`,
            ...(kind === undefined ? [] : [`it is a ${kind}`]),
            ...(stored.expiresAt === undefined ? [] : [`it expires at ${stored.expiresAt}`]),
          ].join('\n'),
        );
      });
    });
}

async function readSecret({ io, out }: Session, file: string | undefined): Promise<Buffer> {
  if (file !== undefined) {
    const stream = () => createReadStream(resolve(io.folder, file));
    const hint = 'name a file that holds the secret, or pipe it in';
    // Without the path, which may be the secret by mistake.
    return readSecretBytes(readable(stream, 'the file that --file names', hint));
  }
  if (!io.stdinIsTerminal) return readSecretBytes(io.stdin);
  const typed = io.hiddenStdin?.() ?? io.stdin;
  out.note('type the secret, which is not shown, and end it with Enter and Ctrl-D');
  return readSecretBytes(typed);
}

function addList(token: AdminCommand, session: Session): void {
  addUnverified(token.command('list'))
    .description('Lists tokens: names, key, fields, expiry, and whether they open.')
    .option('--client <id>', 'only of this client')
    .option('--type <type>', 'only of this type')
    .option('--expires-within <time>', 'only those that expire in this time, or have expired')
    .examples(
      'keyserver-admin token list --type wildberries --json',
      'keyserver-admin token list --expires-within 7d',
    )
    .action(async ({ expiresWithin, unverified, ...names }: OptionsOfList) => {
      const expiresWithinSeconds =
        expiresWithin === undefined ? undefined : parseDuration(expiresWithin);
      if (unverified && expiresWithinSeconds !== undefined) {
        throw inputInvalid(
          'without the keyring no expiry is known, since it is sealed',
          'leave --unverified or --expires-within away',
        );
      }
      await session.withReadContext({ unverified }, async (context) => {
        const tokens = await listTokens(context, { ...names, expiresWithinSeconds });
        if (context.keyring === undefined) {
          printNames(session, context, tokens);
          return;
        }
        session.out.list(tokens, {
          headings: ['client', 'type', 'key', 'fields', 'expires', 'opens'],
          cells: (summary) => Object.values(describe(summary)),
          empty: 'no tokens',
        });
      });
    });
}

interface OptionsOfList extends Partial<TokenName>, ReadOptions {
  readonly expiresWithin?: string;
}

/** Prints what rows say of tokens without being opened. */
function printNames({ out }: Session, context: ReadContext, tokens: readonly TokenSummary[]): void {
  const { members, heading, cell } = verificationOf(context);
  out.list(tokens, {
    value: ({ client, type, kid, legacy, size }) => ({
      ...{ client, type, kid, legacy, size },
      ...members,
    }),
    headings: ['client', 'type', 'key', 'size', ...heading],
    cells: (token) => [token.client, token.type, keyName(token), String(token.size), ...cell],
    empty: 'no tokens',
  });
}

function addShow(token: AdminCommand, session: Session): void {
  token
    .command('show')
    .description('Shows one token without its secret; exit code 1 if it does not open.')
    .requiredOption('--client <id>', 'whose token')
    .requiredOption('--type <type>', 'its token type')
    .examples('keyserver-admin token show --client shop-1 --type wildberries')
    .operation(session, async (context, { client, type }: TokenName) => {
      const summary = await readToken(context, { clientId: client, tokenType: type });
      if (summary.opens === false) session.exitCode = faultsFoundExitCode;
      session.out.result(summary, record(describe(summary)));
    });
}

function addDelete(token: AdminCommand, session: Session): void {
  token
    .command('delete')
    .description('Deletes a token; it stops working within two seconds.')
    .requiredOption('--client <id>', 'whose token')
    .requiredOption('--type <type>', 'its token type')
    .examples('keyserver-admin token delete --client shop-1 --type wildberries')
    .operation(session, async (context, { client, type }: TokenName) => {
      await deleteToken(context, { clientId: client, tokenType: type });
      session.out.result(
        { client, type, deleted: true },
        `deleted the token of ${client} for ${type}`,
      );
    });
}

function keyName({ legacy, kid }: TokenSummary): string {
  return legacy ? 'legacy' : (kid ?? 'unknown');
}

function describe(token: TokenSummary) {
  const { client, type, opens, fields, expiresAt, expired } = token;
  return {
    client,
    type,
    key: keyName(token),
    fields: fields?.join(', ') ?? '-',
    expires: expiresAt === null ? '-' : `${expiresAt}${expired ? ' (past)' : ''}`,
    opens: opens === null ? 'not tried: AES_KEY_FILE is not set' : opens ? 'yes' : 'no',
  };
}
