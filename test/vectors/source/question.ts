import {
  changesRequestAad,
  changesResponseAad,
  whoamiRequestAad,
  whoamiResponseAad,
} from '../../../shared/crypto/exchange.ts';
import { sealedText, timestamp } from './exchange.ts';
import { primaryWrap, sessionKey } from './key-wrap.ts';
import { callerKeyFile } from './primitives.ts';
import { faultsOf, fixedBytes, flip, hex, type Vector, type VectorFile } from './vector.ts';

const aads = {
  '/changes': { request: changesRequestAad, response: changesResponseAad },
  '/whoami': { request: whoamiRequestAad, response: whoamiResponseAad },
};
type Path = keyof typeof aads;

/** The questions that release no token: what changed, and which app a key belongs to. */
export function questionFile(ticket: string): VectorFile {
  const wrap = primaryWrap();
  const [app, proxy] = callerKeyFile().success.map(({ key }) => key as string);
  const opening = { sessionKey: wrap.wrapped, keyId: wrap.keyId };
  const session = { ticket, expiresIn: 600 };

  const question = (
    name: string,
    path: Path,
    nonce: string,
    key: object,
    credential: object,
    answer: object,
  ) => {
    const freshness = { timestamp, nonce };
    const request = sealedText(`${name} request`, aads[path].request(freshness), credential);
    const response = sealedText(`${name} response`, aads[path].response(freshness), answer);
    const requestBody = { ...key, ...freshness, credential: request.sealed };
    const sessionKeyHex = hex(sessionKey);
    return { name, path, sessionKeyHex, ...freshness, request, response, requestBody };
  };

  const whoami = question(
    'whoami',
    '/whoami',
    'nonce-000000000011',
    opening,
    { proxy, app },
    { app: 'reports', cacheSeconds: 300, seq: 42, ageMs: 120, session },
  );
  const changes = question(
    'changes',
    '/changes',
    'nonce-000000000013',
    { session: ticket },
    { proxy, since: 40 },
    {
      history: 'Zm9yIHZlY3RvcnMgb25seQ',
      seq: 42,
      changes: [
        { seq: 41, kind: 'token', id: 'shop-1', tokenType: 'ozon-seller' },
        { seq: 42, kind: 'app', id: 'reports' },
      ],
      ageMs: 120,
    },
  );
  const inputs = ['path', 'direction', 'sessionKeyHex', 'timestamp', 'nonce', 'sealed'];
  const faults = (of: Vector & typeof whoami, direction: 'request' | 'response') => {
    const { sealed } = of[direction];
    return faultsOf({ ...of, direction, sealed }, inputs);
  };
  const inRequest = faults(whoami, 'request');
  const inResponse = faults(whoami, 'response');
  const inChanges = faults(changes, 'request');
  const bytes = Buffer.from(whoami.request.sealed, 'base64');
  const otherKey = { sessionKeyHex: hex(fixedBytes('other session key', 32)) };
  return {
    format: 'question',
    about:
      'Questions that release no token: the body of POST /changes or POST /whoami and the answer’s sealed token. failure: sealed does not open in that direction and context.',
    success: [
      whoami,
      question(
        'whoami_no_app_key',
        '/whoami',
        'nonce-000000000012',
        { session: ticket },
        { proxy, app: null },
        { app: 'anonymous', cacheSeconds: 0, seq: 42, ageMs: 0 },
      ),
      changes,
      question(
        'changes_first',
        '/changes',
        'nonce-000000000014',
        opening,
        { proxy, since: 0 },
        {
          history: 'Zm9yIHZlY3RvcnMgb25seQ',
          seq: 42,
          changes: [],
          reset: true,
          ageMs: 120,
          session,
        },
      ),
    ],
    failure: [
      inRequest('path_swapped', { path: '/changes' }),
      inRequest('timestamp_changed', { timestamp: timestamp + 1 }),
      inRequest('nonce_changed', { nonce: 'nonce-000000000012' }),
      inRequest('direction_swapped', { direction: 'response' }),
      inRequest('session_key_swapped', otherKey),
      inRequest('tag_flipped', {
        sealed: flip(bytes, -1).toString('base64'),
      }),
      inRequest('answer_for_question', { sealed: whoami.response.sealed }),
      inResponse('response_path_swapped', { path: '/changes' }),
      inResponse('response_nonce_changed', { nonce: 'nonce-000000000012' }),
      inResponse('response_direction_swapped', { direction: 'request' }),
      inResponse('response_session_key_swapped', otherKey),
      inChanges('changes_path_swapped', { path: '/whoami' }),
      inChanges('changes_nonce_changed', { nonce: 'nonce-000000000014' }),
    ],
  };
}
