import { STATUS_CODES } from 'node:http';
import t from 'tap';
import { errorTable, isErrorCode, ServiceError } from '../../shared/errors.ts';

/** Codes and statuses that users rely on; a code is retired, never reused or renumbered. */
const published = {
  request_invalid: 400,
  request_stale: 400,
  session_invalid: 400,
  caller_unauthenticated: 401,
  grant_denied: 403,
  destination_denied: 403,
  route_not_found: 404,
  token_not_found: 404,
  type_not_found: 404,
  method_not_allowed: 405,
  token_expired: 410,
  body_too_large: 413,
  media_type_unsupported: 415,
  rate_limited: 429,
  internal: 500,
  integrity_failed: 500,
  upstream_invalid: 502,
  upstream_unreachable: 502,
  keyserver_unavailable: 503,
  overloaded: 503,
  upstream_timeout: 504,
};

/** Types registered by RFC 9209 §2.3. */
const proxyErrors = new Set([
  'dns_timeout',
  'dns_error',
  'destination_not_found',
  'destination_unavailable',
  'destination_ip_prohibited',
  'destination_ip_unroutable',
  'connection_refused',
  'connection_terminated',
  'connection_timeout',
  'connection_read_timeout',
  'connection_write_timeout',
  'connection_limit_reached',
  'tls_protocol_error',
  'tls_certificate_error',
  'tls_alert_received',
  'http_request_error',
  'http_request_denied',
  'http_response_incomplete',
  'http_response_header_section_size',
  'http_response_header_size',
  'http_response_body_size',
  'http_response_trailer_section_size',
  'http_response_trailer_size',
  'http_response_transfer_coding',
  'http_response_content_coding',
  'http_response_timeout',
  'http_upgrade_failed',
  'http_protocol_error',
  'proxy_internal_response',
  'proxy_internal_error',
  'proxy_configuration_error',
  'proxy_loop_detected',
]);

t.test('the table has the published codes with their statuses', async (t) => {
  const statuses = Object.entries(errorTable).map(([code, { status }]) => [code, status]);
  t.strictSame(Object.fromEntries(statuses), published);
});

t.test(
  'every row has a registered status, a registered proxy error and its own title',
  async (t) => {
    const rows = Object.values(errorTable);
    for (const { status, title, proxyError } of rows) {
      t.ok(STATUS_CODES[status], title);
      t.ok(proxyErrors.has(proxyError), proxyError);
      t.match(title, /^[A-Z].*[^.]$/);
    }
    t.equal(new Set(rows.map(({ title }) => title)).size, rows.length);
  },
);

t.test('a code is known only if it is the table’s own', async (t) => {
  for (const code of Object.keys(errorTable)) t.ok(isErrorCode(code));
  for (const value of [
    '',
    'toString',
    '__proto__',
    'constructor',
    'INTERNAL',
    undefined,
    null,
    7,
    ['internal'],
  ]) {
    t.notOk(isErrorCode(value));
  }
});

t.test('an error has the table’s title and status unless told otherwise', async (t) => {
  const plain = new ServiceError('token_not_found');
  t.match(plain, {
    name: 'ServiceError',
    code: 'token_not_found',
    status: 404,
    message: errorTable.token_not_found.title,
  });
  t.equal(new ServiceError('token_not_found', { status: 424 }).status, 424);
  t.equal(
    new ServiceError('overloaded', { detail: 'Come back later.' }).message,
    'Come back later.',
  );
});

t.test('the cause is kept for the log and is no part of the message', async (t) => {
  const cause = new Error('inner text');
  const error = new ServiceError('internal', { cause });
  t.equal(error.cause, cause);
  t.notMatch(error.message, 'inner text');
});
