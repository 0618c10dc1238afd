import { postJson } from '../../../test/support/exchange-client.ts';
import { type Attack, ownOf } from '../../scene/attack.ts';
import {
  type Expected,
  type Fault,
  judge,
  requestAttacks,
  startFrom,
} from '../../scene/keyserver.ts';

const having =
  (members: object): Fault =>
  ({ request }) => ({ ...request, ...members });

/** The request's text with something put in front of its other members. */
const beginning =
  (text: string): Fault =>
  ({ request }) =>
    JSON.stringify(request).replace('{', `{${text},`);

/** Bodies that are not as in docs/protocol.md §4. */
const bodies: Readonly<Record<string, Expected>> = {
  'an unknown member': [having({ admin: true }), 'request_invalid'],
  'a wrapped key that is too long': [having({ sessionKey: 'A'.repeat(2052) }), 'request_invalid'],
  'a ticket that is too long': [
    ({ request: { sessionKey: _, ...rest } }) => ({ ...rest, session: 'A'.repeat(1028) }),
    'request_invalid',
  ],
  'a keyId that is too long': [having({ keyId: 'x'.repeat(65) }), 'request_invalid'],
  'a credential that is too long': [having({ credential: 'A'.repeat(98_308) }), 'request_invalid'],
  'a body of 1 MiB': [having({ credential: 'A'.repeat(2 ** 20) }), 'body_too_large'],
  'a nonce of 15 letters': [having({ nonce: 'x'.repeat(15) }), 'request_invalid'],
  'a nonce of 65 letters': [having({ nonce: 'x'.repeat(65) }), 'request_invalid'],
  'a nonce with a line break behind': [
    ({ request }) => ({ ...request, nonce: `${request.nonce}\n` }),
    'request_invalid',
  ],
  'an empty client': [({ ask }) => ask({ clientId: '' }), 'request_invalid'],
  'a client of 256 letters': [({ ask }) => ask({ clientId: 'x'.repeat(256) }), 'request_invalid'],
  'a client with a NUL': [({ ask }) => ask({ clientId: 'shop-1\0' }), 'request_invalid'],
  'a client with a lone surrogate': [
    ({ ask }) => ask({ clientId: 'shop-\ud800' }),
    'request_invalid',
  ],
  'a type with a right-to-left override': [
    ({ ask }) => ask({ tokenType: 'market\u202e' }),
    'request_invalid',
  ],
  'a list for the client': [having({ clientId: ['shop-1'] }), 'request_invalid'],
  'an object for the client': [having({ clientId: { $ne: null } }), 'request_invalid'],
  'a number for the client': [having({ clientId: 1 }), 'request_invalid'],
  'a text for the timestamp': [
    ({ request }) => ({ ...request, timestamp: String(request.timestamp) }),
    'request_invalid',
  ],
  'a negative timestamp': [having({ timestamp: -1 }), 'request_invalid'],
  'a fraction for the timestamp': [
    ({ request }) => ({ ...request, timestamp: request.timestamp + 0.5 }),
    'request_invalid',
  ],
  'a null for the credential': [having({ credential: null }), 'request_invalid'],
  'a client twice, the right one first': [
    ({ request }) => JSON.stringify(request).replace(/\}$/, ',"clientId":"shop-2"}'),
    'session_invalid',
  ],
  '__proto__ in the body': [beginning('"__proto__":{"credential":null}'), 'request_invalid'],
  'constructor.prototype in the body': [
    beginning('"constructor":{"prototype":{"direct":true}}'),
    'request_invalid',
  ],
  'a body 20,000 lists deep': [() => '['.repeat(20_000) + ']'.repeat(20_000), 'request_invalid'],
  'a list for the body': [({ request }) => [request], 'request_invalid'],
  'null for the body': [() => 'null', 'request_invalid'],
  'an empty body': [() => '', 'request_invalid'],
  'a body that is no JSON': [() => 'clientId=shop-1', 'request_invalid'],
  'two bodies in one': [({ request }) => JSON.stringify(request).repeat(2), 'request_invalid'],
};

const mediaTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'text/html',
  'multipart/form-data',
];

/** Attacks on the form of requests to KeyServer, and of the HTTP around them. */
export const formAttacks: readonly Attack[] = [
  ...requestAttacks('exchange', bodies),
  ...mediaTypes.map(
    (type): Attack => ({
      class: 'exchange',
      name: `a body of ${type}`,
      ownOnly: true,
      run: async (scene) => {
        const given = await startFrom(scene);
        const body = JSON.stringify(given.request);
        const answer = await send(ownOf(scene).keyserver, 'POST', { type, body });
        return judge(given, answer, ['media_type_unsupported']);
      },
    }),
  ),
  ...['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map(
    (method): Attack => ({
      class: 'exchange',
      name: `the request by ${method}`,
      ownOnly: true,
      run: async (scene) => {
        const given = await startFrom(scene);
        const body = method === 'GET' ? undefined : JSON.stringify(given.request);
        const answer = await send(ownOf(scene).keyserver, method, { body });
        return judge(given, answer, ['method_not_allowed']);
      },
    }),
  ),
  ...['/changes', '//', '/healthz'].map(
    (path): Attack => ({
      class: 'exchange',
      name: `the request at ${path}`,
      ownOnly: true,
      run: async (scene) => {
        const given = await startFrom(scene);
        const answer = await postJson(ownOf(scene).keyserver + path, given.request);
        return judge(given, answer, ['route_not_found', 'method_not_allowed', 'request_invalid']);
      },
    }),
  ),
];

async function send(
  url: string,
  method: string,
  { type = 'application/json', body }: { type?: string; body?: string | undefined },
) {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': type },
    ...(body !== undefined && { body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
