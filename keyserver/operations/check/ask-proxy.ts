import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorCode } from '../../../shared/errors.ts';
import { type ProbeVerdict, probeVerdicts } from '../../../shared/policy/schema.ts';
import { parseObject } from '../../../shared/schema/json-object.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import type { Suggestion, TokenName } from '../suggestion.ts';

interface CheckQuestion extends TokenName {
  /** URL of SecureProxy, without a path. */
  readonly proxy: string;
  readonly appKey: string;
}

/** More than the proxy's own time for a probe. */
const timeoutMs = 30_000;
const maxAnswerBytes = 64 * 1024;
/** The services apply a change within two seconds: what rejects the check may have been put right just now. */
const retries = 5;
const retryPauseMs = 500;

export type CheckAnswer = Awaited<ReturnType<typeof askProxy>>;

/**
 * Asks SecureProxy whether a client's token works: the marketplace's status if it answered, else why not (docs/errors).
 * @throws OperationError input_invalid for a URL that is none; not_checked if the proxy rejects it or does not answer
 */
export async function askProxy(question: CheckQuestion) {
  for (let left = retries; ; left -= 1) {
    try {
      return await askOnce(question);
    } catch (error) {
      if (!(error instanceof Unready) || left === 0) throw error;
      await sleep(retryPauseMs);
    }
  }
}

async function askOnce(question: CheckQuestion) {
  const { client, type, appKey } = question;
  const { status, body } = await post(checkUrl(question.proxy), appKey, {
    ...{ ClientId: client, TokenType: type },
  });
  const { verdict, detail, status: upstream, code, reason: said } = parseObject(body) ?? {};
  // It is shown on a terminal, and anything may answer there.
  const reason = typeof said === 'string' && /^[a-z_]{1,64}$/.test(said) ? said : undefined;
  if (status === 200 && isVerdict(verdict) && typeof detail === 'string') {
    return {
      ...{ verdict, detail, reason },
      status: typeof upstream === 'number' ? upstream : undefined,
      code: isErrorCode(code) ? code : undefined,
    };
  }
  if (!isErrorCode(code)) throw notChecked('the answer is not that of a SecureProxy', wrongProxy);
  const why = reason === undefined ? '' : ` (${reason})`;
  const CheckError = mayPass.has(reason === 'no_probe' ? reason : code) ? Unready : OperationError;
  const suggestion = suggestionFor(code, reason, question);
  throw new CheckError('not_checked', `SecureProxy rejects it: ${code}${why}`, suggestion);
}

/** Codes and reasons of rejections that a change of a moment ago may have put right. */
const mayPass: ReadonlySet<string> = new Set([
  'caller_unauthenticated',
  'grant_denied',
  'no_probe',
  'token_not_found',
  'type_not_found',
]);

/** A rejection that may pass by itself. */
class Unready extends OperationError {}

const wrongProxy = 'check the URL, and that the proxy is of the version of this tool';

function checkUrl(proxy: string): URL {
  const url = URL.parse(proxy);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw inputInvalid('the URL of the proxy is none', 'such as https://proxy.example.com:5004');
  }
  const { origin, pathname, search, hash } = url;
  if (pathname + search + hash !== '/') {
    throw inputInvalid('the URL of the proxy has more than an origin', `such as ${origin}`);
  }
  return new URL('/check', url);
}

async function post(url: URL, appKey: string, body: object) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${appKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // The app key goes to the named proxy alone.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: answer.status, body: await start(answer) };
  } catch (error) {
    const { name, cause } = error as Error;
    const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? name;
    throw notChecked(
      `SecureProxy does not answer (${code})`,
      'check the URL, and that it runs; a private CA: NODE_EXTRA_CA_CERTS',
    );
  }
}

/** The start of a body, which a wrong server could make endless. */
async function start(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > maxAnswerBytes) break;
  }
  return text;
}

function isVerdict(value: unknown): value is ProbeVerdict {
  return (probeVerdicts as readonly unknown[]).includes(value);
}

function notChecked(message: string, suggestion: Suggestion): OperationError {
  return new OperationError('not_checked', message, suggestion);
}

function suggestionFor(code: string, reason: unknown, { client, type }: TokenName): Suggestion {
  switch (code) {
    case 'token_not_found':
      return { do: 'put_token', client, type };
    case 'type_not_found':
      return { do: 'define_type', type };
    case 'request_invalid':
      return reason === 'no_probe' ? { do: 'define_probe', type } : wrongProxy;
    case 'grant_denied':
      return { do: 'grant_probe', client, type };
    case 'caller_unauthenticated':
      return { do: 'list', kind: 'app' };
    case 'route_not_found':
      return wrongProxy;
    default:
      return `docs/errors/${code}.md says more`;
  }
}
