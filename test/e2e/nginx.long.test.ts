import t from 'tap';
import { allReplicas, rollPlain, rollTls, skip } from './rolling-restart.ts';

t.setTimeout(600_000);

const all = { restarted: allReplicas, callers: 4, callPauseMs: 20 };

t.test('nginx.conf: a rolling restart loses no call', { skip }, (t) => rollPlain(t, all));

t.test('nginx-tls.conf: nor with TLS and mTLS', { skip }, (t) => rollTls(t, all));
