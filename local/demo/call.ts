/** A call of an app through SecureProxy's `POST /request_api`. */
export interface DemoCall {
  readonly app: string;
  readonly appKey: string;
  readonly clientId: string;
  readonly tokenType: string;
  readonly method: 'GET' | 'POST';
  readonly apiUri: string;
  readonly body?: unknown;
}

/** The complete request of the app, and so all that the app can know. */
export interface DemoRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface DemoAnswer {
  readonly status: number;
  /** Headers and body as text, for searching. */
  readonly text: string;
  readonly body: unknown;
}

const timeoutMs = 15_000;

export function requestOf(secureproxyOrigin: string, call: DemoCall): DemoRequest {
  const { appKey, clientId, tokenType, method, apiUri, body } = call;
  const members = {
    ClientId: clientId,
    TokenType: tokenType,
    Method: method,
    ApiUri: apiUri,
    ...(body === undefined ? {} : { Body: body }),
  };
  // One member per line, for reading in a terminal.
  const lines = Object.entries(members).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return {
    url: `${secureproxyOrigin}/request_api`,
    headers: { Authorization: `Bearer ${appKey}`, 'Content-Type': 'application/json' },
    body: `{\n${lines.join(',\n')}\n}`,
  };
}

/** The request as a curl command. */
export function curlCommand({ url, headers, body }: DemoRequest): string {
  const options = Object.entries(headers).map(
    ([name, value]) => `-H ${quoted(`${name}: ${value}`)}`,
  );
  return [`curl ${url}`, ...options, `-d ${quoted(body)}`].join(' \\\n  ');
}

export async function send({ url, headers, body }: DemoRequest): Promise<DemoAnswer> {
  const answer = await fetch(url, {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await answer.text();
  const head = [...answer.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
  return { status: answer.status, text: head + text, body: parsed(text) };
}

/** Quotes a text as one word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
