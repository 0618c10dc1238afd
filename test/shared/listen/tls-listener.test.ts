import t from 'tap';
import type { ListenerConfig } from '../../../shared/listen/listener-settings.ts';
import { TlsListener } from '../../../shared/listen/tls-listener.ts';
import { createAuthority } from '../../support/certificates.ts';
import { writeIdentity } from '../../support/identity-files.ts';
import { capturedLog } from '../../support/log.ts';

t.test('a caller has ten seconds for the handshake, and needs TLS 1.2', async (t) => {
  const { ca, issue } = await createAuthority();
  const files = writeIdentity(t.testdir({}), await issue(), ca);
  const config = { TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key, TLS_CLIENT_NAMES: '' };
  const listener = TlsListener.open(config as ListenerConfig, capturedLog('test').logger);
  t.match(listener?.options, { handshakeTimeout: 10_000, minVersion: 'TLSv1.2' });
});
