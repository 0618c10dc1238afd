import fc from 'fast-check';
import { Pool } from 'undici';

/** A request as data, so that it can be shrunk and printed. */
export interface HttpInput {
  readonly method: string;
  /** With the query; in ASCII. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** Sends each character of the body as one byte, so not always as UTF-8. */
  readonly asLatin1?: boolean;
}

/** An answer, or how it failed to come. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** False if it broke off. */
  readonly whole: boolean;
}

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
const fieldValue = fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,40}$/);

/** Headers that any caller may send, of names that mean something to servers, too. */
export const someHeaders: fc.Arbitrary<[string, string][]> = fc.array(
  fc.oneof(
    fc.tuple(
      token.filter(
        (name) =>
          !/^(?:connection|keep-alive|transfer-encoding|expect|upgrade|content-length|host)$/i.test(
            name,
          ),
      ),
      fieldValue,
    ),
    fc.tuple(
      fc.constantFrom(
        ...[
          'accept',
          'accept-encoding',
          'if-none-match',
          'x-request-id',
          'traceparent',
          'tracestate',
        ],
        ...[
          'via',
          'origin',
          'sec-fetch-site',
          'cookie',
          'forwarded',
          'x-forwarded-for',
          'range',
          'te',
        ],
      ),
      fc.oneof(
        fieldValue,
        fc.constantFrom(
          '*',
          '""',
          'gzip, br',
          '1.1 secureproxy',
          'null',
          'same-origin',
          'cross-site',
        ),
        fc.constant('00-0123456789abcdef0123456789abcdef-0123456789abcdef-01'),
      ),
    ),
  ),
  { maxLength: 4 },
);

/** Queries, well-formed and not. */
export const someQuery: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.webQueryParameters().map((query) => `?${query}`) },
  { weight: 1, arbitrary: fc.stringMatching(/^\?[!-"$-~]{0,60}$/) },
);

/** Media types of a body: mostly JSON. */
export const someMediaType: fc.Arbitrary<string | undefined> = fc.oneof(
  { weight: 12, arbitrary: fc.constant('application/json') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['application/json; charset=utf-8', 'application/json;charset=utf-16', 'APPLICATION/JSON'],
      ...[
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        '/',
        'application/',
      ],
      undefined,
    ),
  },
);

/** A body with its media type, as a member of {@link HttpInput}. */
export function bodyWith(text: fc.Arbitrary<string>) {
  return fc.record({
    body: text,
    mediaType: someMediaType,
    asLatin1: fc.oneof({ weight: 19, arbitrary: fc.constant(false) }, fc.constant(true)),
  });
}

export function mediaTypeHeader(mediaType: string | undefined): [string, string][] {
  return mediaType === undefined ? [] : [['content-type', mediaType]];
}

/** Sends over connections that stay open. */
export class Sender {
  readonly #pool: Pool;

  constructor(origin: string, connections: number) {
    this.#pool = new Pool(origin, { connections, pipelining: 1 });
  }

  /** @throws where no answer comes */
  async send({ method, path, headers, body, asLatin1 }: HttpInput): Promise<HttpAnswer> {
    const answer = await this.#pool.request({
      method,
      path,
      headers: headers.flat(),
      ...(body === undefined ? {} : { body: asLatin1 ? Buffer.from(body, 'latin1') : body }),
    });
    const chunks: Buffer[] = [];
    let whole = true;
    try {
      for await (const chunk of answer.body) chunks.push(chunk as Buffer);
    } catch {
      whole = false;
    }
    const text = Buffer.concat(chunks).toString();
    return { status: answer.statusCode, headers: answer.headers, text, whole };
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
