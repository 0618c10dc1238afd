import type { CallRequest, Checked, Explained } from './api.ts';
import { fromMarketplace, NoAnswerError, ProxyError } from './errors.ts';

/** How long after the limit of a call the proxy, which keeps it, may still answer so. */
const graceMs = 1000;

export interface SecureProxyOptions {
  /** SecureProxy's URL, such as `https://proxy.example`. */
  readonly url: string | URL;
  /** `spk_…` */
  readonly appKey: string;
  /** Default: Node's own. */
  readonly fetch?: typeof fetch;
  /** Limit of a call, milliseconds, and of a forwarded one up to the head of its answer; default: the proxy's. */
  readonly timeoutMs?: number;
}

/** A call of `POST /request_api`. */
export interface Call {
  /** Whose token is used, and which: names that the operator gave. */
  readonly clientId: string;
  readonly tokenType: string;
  /** The URL to call; `/path` goes to the type's first destination. */
  readonly apiUri: string;
  /** Default `POST`. */
  readonly method?: CallRequest['Method'];
  readonly headers?: CallRequest['Headers'];
  /** Text and bytes are sent as they are, any other value as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** As `fetch` takes it; `duplex` must be `half` if the body is a stream. */
export type ForwardInit = RequestInit & { readonly duplex?: 'half' };

/**
 * Calls marketplaces through SecureProxy. Answers of a marketplace, of whatever status, come as they are, and their
 * bodies as streams.
 */
export class SecureProxy {
  readonly #url: string;
  readonly #appKey: string;
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number | undefined;

  constructor({ url, appKey, fetch: fetcher = fetch, timeoutMs }: SecureProxyOptions) {
    this.#url = String(url).replace(/\/+$/, '');
    this.#appKey = appKey;
    this.#fetch = fetcher;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Makes a call.
   * @throws ProxyError if the proxy answers itself
   * @throws NoAnswerError if it does not answer
   */
  request(call: Call): Promise<Response> {
    return this.#post('/request_api', this.#envelope(call), call.signal);
  }

  /** Explains how a call would be decided, and sends nothing. @throws as {@link request} */
  async explain(call: Call): Promise<Explained> {
    const answer = await this.#post('/explain', this.#envelope(call), call.signal);
    return (await answer.json()) as Explained;
  }

  /** Asks the marketplace whether a token works. @throws as {@link request} */
  async check(clientId: string, tokenType: string, signal?: AbortSignal): Promise<Checked> {
    const body = { ClientId: clientId, TokenType: tokenType, TimeoutMs: this.#timeoutMs };
    return (await (await this.#post('/check', body, signal)).json()) as Checked;
  }

  /** The base URL that an SDK gets in place of the marketplace's; it sends the app key in place of a token. */
  forwardUrl(clientId: string, tokenType: string): string {
    return `${this.#url}/forward/${encodeURIComponent(clientId)}/${encodeURIComponent(tokenType)}`;
  }

  /**
   * Calls `path`, which begins with a slash, of the type's first destination; the body can be a stream.
   * @throws as {@link request}
   */
  forward(
    clientId: string,
    tokenType: string,
    path: string,
    init: ForwardInit = {},
  ): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#timeoutMs !== undefined) {
      headers.set('x-secureproxy-timeout-ms', String(this.#timeoutMs));
    }
    return this.#send(this.forwardUrl(clientId, tokenType) + path, { ...init, headers });
  }

  #envelope({ clientId, tokenType, apiUri, method, headers, body }: Call): CallRequest {
    return {
      ClientId: clientId,
      TokenType: tokenType,
      ApiUri: apiUri,
      ...(method && { Method: method }),
      ...(headers && { Headers: headers }),
      ...(this.#timeoutMs && { TimeoutMs: this.#timeoutMs }),
      ...(body instanceof Uint8Array
        ? { BodyBase64: Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64') }
        : { Body: body }),
    };
  }

  #post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
    return this.#send(this.#url + path, {
      method: 'POST',
      headers: new Headers({ 'content-type': 'application/json' }),
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
  }

  async #send(url: string, init: ForwardInit & { headers: Headers }): Promise<Response> {
    init.headers.set('authorization', `Bearer ${this.#appKey}`);
    const limit = new AbortController();
    const timer =
      this.#timeoutMs !== undefined && setTimeout(() => limit.abort(), this.#timeoutMs + graceMs);
    const signal = init.signal ? AbortSignal.any([init.signal, limit.signal]) : limit.signal;
    try {
      // A redirect that were followed would take the app key along.
      const answer = await this.#fetch(url, { ...init, signal, redirect: 'manual' });
      return await fromMarketplace(answer);
    } catch (error) {
      if (error instanceof ProxyError || init.signal?.aborted) throw error;
      throw new NoAnswerError('SecureProxy does not answer', { cause: error });
    } finally {
      if (timer) clearTimeout(timer);
    }
  }
}
