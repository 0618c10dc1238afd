import t from 'tap';
import { hostAddress } from '../../../shared/address/host-address.ts';

t.test('tells addresses from names, in every spelling that a URL may have', async (t) => {
  for (const [text, address] of [
    ['http://127.0.0.1:80/', '127.0.0.1'],
    ['http://127.1', '127.0.0.1'],
    ['http://0x7f.1', '127.0.0.1'],
    ['http://2130706433', '127.0.0.1'],
    ['http://[::1]:8443', '::1'],
    ['http://[::ffff:127.0.0.1]', '::ffff:7f00:1'],
    ['http://localhost', undefined],
    ['http://127.0.0.1.example', undefined],
  ] as const) {
    t.equal(hostAddress(new URL(text).hostname), address, text);
  }
});
