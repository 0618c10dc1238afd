import type { Problem } from './api.ts';

/** An answer of the proxy itself, in place of the marketplace's; docs/errors has a page for each code. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** `unknown`: the answer has no body, as one to HEAD. */
  readonly code: Problem['code'] | 'unknown';
  /** Stable name of the check that failed. */
  readonly reason: string | undefined;
  readonly status: number;
  /** Finds the call in the proxy's log. */
  readonly requestId: string | undefined;
  /** Time to wait before the call is tried again, milliseconds; undefined: the proxy names none. */
  readonly retryAfterMs: number | undefined;

  constructor({ status, headers }: Response, problem: Partial<Problem> = {}) {
    const { code = 'unknown', detail, title } = problem;
    super(`${code}: ${detail ?? title ?? `status ${status}`}`);
    this.code = code;
    this.reason = problem.reason;
    this.status = status;
    this.requestId = headers.get('x-request-id') ?? undefined;
    const seconds = headers.get('retry-after');
    this.retryAfterMs = seconds === null ? undefined : Number(seconds) * 1000;
  }
}

/** The proxy does not answer; `cause` says why. The marketplace may have the call. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/**
 * Returns the answer if it is the marketplace's.
 * @throws ProxyError if it is the proxy's, which its `Proxy-Status` alone tells (RFC 9209 §2.1.1)
 */
export async function fromMarketplace(answer: Response): Promise<Response> {
  if (!isError(answer.headers.get('proxy-status') ?? '')) return answer;
  const text = await answer.text();
  throw new ProxyError(answer, text === '' ? undefined : JSON.parse(text));
}

/** A marketplace could name the proxy in a quoted string, which is no member of the list. */
function isError(proxyStatus: string): boolean {
  return proxyStatus
    .replaceAll(/"(?:\\.|[^"\\])*"/g, '""')
    .split(',')
    .some((member) => /^\s*secureproxy\s*;(?:.*;)?\s*error=/.test(member));
}
