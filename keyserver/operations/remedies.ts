import type { ServiceError } from '../../shared/errors.ts';
import { isAmbiguousPath } from '../../shared/policy/url.ts';
import type { Steps } from '../../shared/protocol/explanation.ts';
import type { TokenQuery } from '../release/decision.ts';

/** What an operator can do about the refusal of the step that began last. */
export function remedyFor(error: ServiceError, steps: Steps, asked: TokenQuery): string {
  const { step } = steps.taken.at(-1) ?? {};
  const { clientId, tokenType, requester } = asked;
  const type = quoted(tokenType);
  const named = `--client ${quoted(clientId)} --type ${type}`;
  switch (step) {
    case 'authenticate':
      return `give the app a new key: keyserver-admin app rotate ${quoted(requester.appId)}`;
    case 'grant':
      return grantRemedy(asked);
    case 'type':
      return error.code === 'type_not_found'
        ? `define it: keyserver-admin type put ${type} --destination ${quoted(originOf(asked))}`
        : `restore its row, or replace it: keyserver-admin type put ${type} --force`;
    case 'destination':
      return `where the token may go there, repeat keyserver-admin type put ${type} with all that keyserver-admin type show ${type} shows and ${destinationOptions(asked)}`;
    case 'token':
      return error.code === 'integrity_failed'
        ? `see keyserver-admin token show ${named}; a row of the earlier system opens under UNSAFE_LEGACY_ROWS=1 only; else delete the token and put it anew: keyserver-admin token put ${named}`
        : `store it: keyserver-admin token put ${named} < token.txt`;
    case 'injection':
      return `put the token anew with the fields that keyserver-admin type show ${type} names: keyserver-admin token put ${named} < token.json`;
    default:
      return 'let the app spell the URL as the detail says';
  }
}

/** The least grant that allows the call. */
function grantRemedy({ requester, clientId, tokenType, target }: TokenQuery): string {
  const path = target && (URL.parse(target.url)?.pathname ?? '/');
  const add = `keyserver-admin grant add ${quoted(requester.appId)} --client ${quoted(clientId)} --type ${quoted(tokenType)} --method ${target?.method ?? 'GET'}`;
  if (path === undefined) return `grant it: ${add}`;
  return isAmbiguousPath(path)
    ? `no --path matches a path that can be read in two ways: let the app write it plainly, or grant every path: ${add}`
    : `grant it: ${add} --path ${quoted(path)}`;
}

function destinationOptions(asked: TokenQuery): string {
  const origin = originOf(asked);
  const plain = origin.startsWith('http:') ? ' --unsafe-plaintext' : '';
  return `--destination ${quoted(origin)}${plain}`;
}

function originOf({ target }: TokenQuery): string {
  return URL.parse(target?.url ?? '')?.origin ?? 'https://…';
}

/** One word of a shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
