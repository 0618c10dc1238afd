import t from 'tap';
import { keyserverSettings } from '../../keyserver/config.ts';
import { secureproxySettings } from '../../secureproxy/config.ts';
import { keyserverRows } from './keyserver-rows.ts';
import { secureproxyRows } from './secureproxy-rows.ts';
import { runTable } from './table.ts';

t.test('KeyServer', (t) => runTable(t, keyserverSettings, keyserverRows));
t.test('SecureProxy', (t) => runTable(t, secureproxySettings, secureproxyRows));
