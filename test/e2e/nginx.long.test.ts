import t from 'tap';
import { rollPlain, rollTls, skip } from './rolling-restart.ts';

t.setTimeout(600_000);

t.test('nginx.conf: a rolling restart loses no call', { skip }, rollPlain);

t.test('nginx-tls.conf: nor with TLS and mTLS', { skip }, rollTls);
