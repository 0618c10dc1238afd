import { importKey, sealWithIv } from '../../../shared/crypto/aead.ts';
import { requestAad, responseAad } from '../../../shared/crypto/exchange.ts';
import { primaryWrap, sessionKey } from './key-wrap.ts';
import { callerKeyFile } from './primitives.ts';
import { faultsOf, fixedBytes, flip, hex, type Vector, type VectorFile } from './vector.ts';

/** When the requests of these vectors are made. */
export const timestamp = 1_790_000_000;
/** When the ticket of these vectors ends. */
export const ticketExpiresAt = timestamp + 600;

interface Sealed {
  readonly aadHex: string;
  readonly ivHex: string;
  readonly plaintext: string;
  readonly sealed: string;
}

export function sealedText(label: string, aad: Uint8Array, content: object): Sealed {
  const iv = fixedBytes(`exchange iv ${label}`, 12);
  const plaintext = JSON.stringify(content);
  const sealed = sealWithIv(importKey(sessionKey), plaintext, aad, iv).toString('base64');
  return { aadHex: hex(aad), ivHex: hex(iv), plaintext, sealed };
}

const release = {
  app: 'reports',
  fields: { token: 'example' },
  policy: {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: 'Bearer {token}' } },
  },
  grants: [{ client: 'shop-*', type: 'ozon-seller', methods: ['POST'], paths: ['/v1/orders/*'] }],
  cacheSeconds: 60,
  expiresIn: null,
  seq: 42,
};
/** A direct app gets a token only under a grant that limits neither methods nor paths. */
const unlimited = { ...release, app: 'stock', grants: [{ client: '*', type: '*' }] };

export function exchangeFile(ticket: string): VectorFile {
  const wrap = primaryWrap();
  const [appKey, proxyKey] = callerKeyFile().success.map(({ key }) => key as string);
  const session = { ticket, expiresIn: 600 };
  const opening = { sessionKey: wrap.wrapped, keyId: wrap.keyId };
  const target = { method: 'POST', url: 'https://api.example.com/v1/orders/list' };

  const call = (
    name: string,
    names: { clientId: string; tokenType: string },
    nonce: string,
    key: object,
    credential: object,
    answer: object,
  ): Vector => {
    const context = { ...names, timestamp, nonce };
    const request = sealedText(`${name} request`, requestAad(context), credential);
    const response = sealedText(`${name} response`, responseAad(context), answer);
    const requestBody = { ...key, ...context, credential: request.sealed };
    return { name, sessionKeyHex: hex(sessionKey), ...context, request, response, requestBody };
  };
  const shop = { clientId: 'shop-1', tokenType: 'ozon-seller' };
  const credential = { proxy: proxyKey, app: appKey, target };
  const bareResponse = sealedText('bare', responseAad(shop), { ...unlimited, app: 'anonymous' });

  const proxyCall = call('proxy_call', shop, 'nonce-000000000001', opening, credential, {
    ...release,
    session,
  });
  const ticketCall = call(
    'ticket_call',
    shop,
    'nonce-000000000002',
    { session: ticket },
    credential,
    release,
  );
  const request = proxyCall.request as Sealed;
  const response = proxyCall.response as Sealed;
  const bytes = Buffer.from(request.sealed, 'base64');
  const base = { ...proxyCall, direction: 'request', sealed: request.sealed };
  const inputs = [
    'direction',
    'sessionKeyHex',
    'clientId',
    'tokenType',
    'timestamp',
    'nonce',
    'sealed',
  ];
  const inRequest = faultsOf(base, inputs);
  const inResponse = faultsOf({ ...base, direction: 'response', sealed: response.sealed }, inputs);
  const resealed = (aad: Uint8Array) => sealedText('proxy_call request', aad, credential).sealed;
  const context = { ...shop, timestamp, nonce: 'nonce-000000000001' };
  const text = (changed: Uint8Array) => Buffer.from(changed).toString('base64');
  return {
    format: 'exchange',
    about:
      'Whole exchanges: the body of POST / and the answer’s sealed token. failure: sealed does not open in that direction and context.',
    success: [
      proxyCall,
      ticketCall,
      call(
        'anonymous_through_proxy',
        shop,
        'nonce-000000000003',
        opening,
        { ...credential, app: null },
        { ...release, app: 'anonymous', session },
      ),
      call(
        'direct_app',
        shop,
        'nonce-000000000004',
        opening,
        { proxy: null, app: appKey },
        { ...unlimited, session },
      ),
      call(
        'names_not_ascii',
        { clientId: 'магазин 1', tokenType: 'ozon-продавец' },
        'nonce_000000000005',
        opening,
        credential,
        { ...unlimited, app: 'reports', expiresIn: 3600, session },
      ),
      {
        name: 'direct_bare',
        sessionKeyHex: hex(sessionKey),
        ...shop,
        response: bareResponse,
        requestBody: { sessionKey: wrap.wrapped, ...shop },
      },
    ],
    failure: [
      inRequest('aad_client_swapped', { clientId: 'shop-2' }),
      inRequest('aad_type_swapped', { tokenType: 'wildberries' }),
      inRequest('aad_client_and_type_exchanged', {
        clientId: shop.tokenType,
        tokenType: shop.clientId,
      }),
      inRequest('aad_boundary_moved', { clientId: 'shop-1o', tokenType: 'zon-seller' }),
      inRequest('aad_timestamp_changed', { timestamp: timestamp + 1 }),
      inRequest('aad_nonce_changed', { nonce: 'nonce-000000000002' }),
      inRequest('aad_missing', { sealed: resealed(Buffer.alloc(0)) }),
      inRequest('aad_word_swapped', { sealed: resealed(responseAad(context)) }),
      inRequest('direction_swapped', { direction: 'response' }),
      inRequest('session_key_swapped', { sessionKeyHex: hex(fixedBytes('other session key', 32)) }),
      inRequest('tag_flipped', { sealed: text(flip(bytes, -1)) }),
      inRequest('tag_truncated', { sealed: text(bytes.subarray(0, -1)) }),
      inRequest('trailing_bytes', { sealed: text(Buffer.concat([bytes, Buffer.alloc(1)])) }),
      inRequest('ciphertext_flipped', { sealed: text(flip(bytes, 12)) }),
      inRequest('iv_swapped', {
        sealed: text(Buffer.concat([Buffer.from(response.ivHex, 'hex'), bytes.subarray(12)])),
      }),
      inRequest('base64_not_canonical', { sealed: `${request.sealed}\n` }),
      inRequest('empty', { sealed: '' }),
      inResponse('response_client_swapped', { clientId: 'shop-2' }),
      inResponse('response_type_swapped', { tokenType: 'wildberries' }),
      inResponse('response_nonce_changed', { nonce: 'nonce-000000000002' }),
      inResponse('response_nonce_empty', { nonce: '' }),
      inResponse('response_direction_swapped', { direction: 'request' }),
      inResponse('response_session_key_swapped', {
        sessionKeyHex: hex(fixedBytes('other session key', 32)),
      }),
    ],
  };
}
