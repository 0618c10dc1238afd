import t from 'tap';
import {
  parseTokenRequest,
  type TokenRequest,
} from '../../../secureproxy/token-endpoint/token-request.ts';

const parse = ({ body, ...more }: Partial<Omit<TokenRequest, 'body'>> & { body?: string }) =>
  parseTokenRequest({
    ...{ method: 'POST', search: '', ...more },
    body: body === undefined ? null : Buffer.from(body),
  });

t.test('the grant stands in a form, in JSON, or in the query', async (t) => {
  t.equal(parse({ body: 'grant_type=refresh_token&refresh_token=x' }), 'refresh_token');
  t.equal(parse({ body: 'a=1&grant%5Ftype=client%5Fcredentials' }), 'client_credentials');
  t.equal(parse({ body: ' {"grant_type": "client_credentials"}\n' }), 'client_credentials');
  t.equal(parse({ method: 'GET', search: '?grant_type=client_credentials' }), 'client_credentials');
  const both = { search: '?grant_type=refresh_token', body: 'grant_type=refresh_token' };
  t.equal(parse(both), 'refresh_token');
});

t.test('other grants are refused in the words of OAuth', async (t) => {
  for (const grant of ['authorization_code', 'password', 'Refresh_Token', ' refresh_token', '']) {
    const refused = { code: 'request_invalid', options: { oauthError: 'unsupported_grant_type' } };
    const body = new URLSearchParams({ grant_type: grant }).toString();
    t.throws(() => parse({ body }), refused, grant);
    t.throws(() => parse({ body: JSON.stringify({ grant_type: grant }) }), refused, grant);
  }
  t.throws(() => parse({ body: 'grant_type=password' }), {
    message: /refresh_token and client_credentials/,
    options: { reason: 'token_grant' },
  });
});

t.test('what is no token request is refused', async (t) => {
  for (const [what, request] of [
    ['is neither POST nor GET', { method: 'PUT', body: 'grant_type=refresh_token' }],
    ['is neither POST nor GET', { method: 'OPTIONS' }],
    ['has no grant_type', {}],
    ['has no grant_type', { body: '' }],
    ['has no grant_type', { body: '{}' }],
    ['has no grant_type', { body: '[{"grant_type":"refresh_token"}]' }],
    ['has several grant_type', { body: 'grant_type=refresh_token&grant_type=x' }],
    ['has several grant_type', { search: '?grant_type=x', body: 'grant_type=refresh_token' }],
    ['has a body that is not JSON', { body: '{"grant_type"' }],
  ] as const) {
    t.throws(() => parse(request), {
      code: 'request_invalid',
      message: new RegExp(what),
      options: { reason: 'token_request', oauthError: 'invalid_request' },
    });
  }
});
