import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerCertificate } from '../certificate.ts';

/** The credentials of one client at both marketplaces. */
export interface MarketplaceCredentials {
  readonly ozon: { readonly clientId: string; readonly apiKey: string };
  readonly wildberries: { readonly token: string };
}

/** A received request and the status of its answer. */
export interface Received {
  readonly method: string;
  /** Includes the query. */
  readonly path: string;
  /** Names are lower-case; the values of a repeated header are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
}

export interface Marketplace {
  /** `https://localhost:PORT` */
  readonly origin: string;
  /** All requests so far, in order. */
  readonly received: readonly Received[];
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const maxBodyBytes = 1_048_576;

/**
 * Starts a server that plays two marketplaces over https, on a free port of this machine by default. Each route
 * answers like Ozon's or Wildberries', only to the right credential. All requests are recorded in `received`.
 */
export async function startMarketplace(
  credentials: MarketplaceCredentials,
  { certificate, privateKey }: ServerCertificate,
  onReceived: (received: Received) => void = () => {},
  listenOn: { readonly host: string; readonly port: number } = { host: 'localhost', port: 0 },
): Promise<Marketplace> {
  const received: Received[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(request);
    const { method = '', url: path = '' } = request;
    const headers = Object.fromEntries(
      Object.entries(request.headersDistinct).map(([name, values = []]) => [
        name,
        values.join(', '),
      ]),
    );
    const answer = answerTo(credentials, method, path, headers);
    const entry = { method, path, headers, body, status: answer.status };
    received.push(entry);
    onReceived(entry);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(answer.body)}\n`);
  };
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    handle(request, response).catch(() => request.destroy());
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(listenOn, resolve);
  await listening;
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    received,
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new RangeError('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function answerTo(
  { ozon, wildberries }: MarketplaceCredentials,
  method: string,
  path: string,
  headers: Received['headers'],
): Answer {
  const [pathname = ''] = path.split('?', 1);
  const route = routes[`${method} ${pathname}`];
  if (route === undefined) return { status: 404, body: { message: 'path not found' } };
  const refusal =
    route.marketplace === 'ozon'
      ? judgeOzon(ozon, headers)
      : judgeWildberries(wildberries, headers);
  return refusal ?? { status: 200, body: route.body };
}

function judgeOzon(
  { clientId, apiKey }: MarketplaceCredentials['ozon'],
  headers: Received['headers'],
): Answer | undefined {
  const { 'client-id': givenId, 'api-key': givenKey } = headers;
  if (givenId === undefined || givenKey === undefined) {
    const message = 'Client-Id and Api-Key headers are required';
    return { status: 401, body: { code: 16, message, details: [] } };
  }
  if (isEqual(givenId, clientId) && isEqual(givenKey, apiKey)) return undefined;
  const message = 'Invalid Api-Key, please contact support';
  return { status: 403, body: { code: 7, message, details: [] } };
}

function judgeWildberries(
  { token }: MarketplaceCredentials['wildberries'],
  headers: Received['headers'],
): Answer | undefined {
  const given = headers.authorization;
  if (given !== undefined && isEqual(given, token)) return undefined;
  const detail = given === undefined ? 'empty Authorization header' : 'token is malformed';
  const body = { title: 'unauthorized', detail, status: 401, statusText: 'Unauthorized' };
  return { status: 401, body };
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const product = {
  product_id: 10_017,
  offer_id: 'tea-pot-1',
  has_fbo_stocks: true,
  has_fbs_stocks: false,
  archived: false,
  is_discounted: false,
};

/** Answers to requests with the right credential. */
const routes: Readonly<
  Record<string, { marketplace: keyof MarketplaceCredentials; body: unknown }>
> = {
  'POST /v3/product/list': {
    marketplace: 'ozon',
    body: { result: { items: [product], total: 1, last_id: '' } },
  },
  'GET /content/v2/object/parent/all': {
    marketplace: 'wildberries',
    body: {
      data: [{ id: 479, name: 'Посуда', isVisible: true }],
      error: false,
      errorText: '',
      additionalErrors: null,
    },
  },
  'POST /api/v3/orders/status': {
    marketplace: 'wildberries',
    body: { orders: [{ id: 5_632_423, supplierStatus: 'new', wbStatus: 'waiting' }] },
  },
};
