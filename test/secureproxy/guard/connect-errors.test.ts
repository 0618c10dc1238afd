import t from 'tap';
import {
  connectError,
  handshakeError,
  lookupError,
} from '../../../secureproxy/guard/connect-errors.ts';

const systemError = (code: string) => Object.assign(new Error('private text'), { code });

t.test('tells by the step that nothing was sent, whatever the error', async (t) => {
  const unheardOf = systemError('EUNHEARDOF');
  for (const [error, reason, proxyError] of [
    [lookupError(unheardOf), 'dns', 'dns_error'],
    [lookupError(systemError('ENOTFOUND')), 'dns', 'dns_error'],
    [connectError([unheardOf]), 'connect_failed', 'proxy_internal_error'],
    [connectError([systemError('EACCES')]), 'connect_failed', 'proxy_internal_error'],
    [connectError([systemError('EINVAL')]), 'connect_failed', 'proxy_internal_error'],
    [connectError([systemError('EMFILE')]), 'connect_failed', 'proxy_internal_error'],
    [connectError([]), 'connect_failed', 'proxy_internal_error'],
    [connectError([systemError('ECONNREFUSED')]), 'connection_refused', 'connection_refused'],
    [connectError([systemError('EHOSTUNREACH')]), 'unroutable', 'destination_ip_unroutable'],
    [connectError([systemError('ENETUNREACH')]), 'unroutable', 'destination_ip_unroutable'],
    [handshakeError(true, unheardOf), 'tls_certificate', 'tls_certificate_error'],
    [handshakeError(false, unheardOf), 'tls_protocol', 'tls_protocol_error'],
  ] as const) {
    t.match(error, {
      code: 'upstream_unreachable',
      message: /nothing was sent/,
      options: { reason, proxyError },
    });
  }
});

t.test('tells what took too long', async (t) => {
  for (const [error, reason] of [
    [lookupError(systemError('ETIMEOUT')), 'dns_timeout'],
    [connectError([systemError('ETIMEDOUT')]), 'connect_timeout'],
  ] as const) {
    t.match(error, {
      code: 'upstream_timeout',
      message: /nothing was sent/,
      options: { reason, cause: { message: 'private text' } },
    });
    t.notMatch(error.message, 'private');
  }
});

t.test('of several addresses the first tells, and a missing route last', async (t) => {
  const [refused, unroutable, forbidden] = [
    systemError('ECONNREFUSED'),
    systemError('ENETUNREACH'),
    systemError('EACCES'),
  ];
  t.equal(connectError([refused, forbidden]).options.reason, 'connection_refused');
  t.equal(connectError([unroutable, forbidden, refused]).options.reason, 'connect_failed');
  t.equal(connectError([unroutable, unroutable]).options.reason, 'unroutable');
});
