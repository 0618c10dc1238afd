import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { ServerIdentity } from './certificates.ts';

export interface HttpsCallOptions {
  /** The CA that the server's certificate is checked by, PEM. */
  readonly ca: string;
  /** The client certificate, for a server that asks for one. */
  readonly identity?: ServerIdentity;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly text: string;
  /** Serial number of the server's certificate. */
  readonly serial: string;
}

/** Calls over TLS, on a connection and a TLS session of its own. Rejects if there is no answer. */
export async function callHttps(url: string, options: HttpsCallOptions): Promise<HttpsAnswer> {
  const { ca, identity, method = 'GET', headers = {}, body } = options;
  const sent = request(url, { ca, ...identity, method, headers, agent: false });
  // A connection that fails may do so once more after the first error.
  sent.on('error', () => undefined);
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const { serialNumber } = (answer.socket as TLSSocket).getPeerCertificate();
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  return { status: answer.statusCode ?? 0, text, serial: serialNumber };
}
