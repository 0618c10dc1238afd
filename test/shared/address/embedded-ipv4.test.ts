import t from 'tap';
import { embeddedIpv4 } from '../../../shared/address/embedded-ipv4.ts';

const embedded: Readonly<Record<string, readonly string[]>> = {
  '::10.1.2.3': ['10.1.2.3'],
  '::ffff:10.1.2.3': ['10.1.2.3'],
  '::FFFF:0a01:0203': ['10.1.2.3'],
  '0:0:0:0:0:ffff:10.1.2.3': ['10.1.2.3'],
  '::ffff:0:10.1.2.3': ['10.1.2.3'],
  '64:ff9b::10.1.2.3': ['10.1.2.3'],
  '64:ff9b:1::10.1.2.3': ['10.1.2.3'],
  '64:ff9b:1:ffff:ffff:ffff:a01:203': ['10.1.2.3'],
  '2002:a01:203::': ['10.1.2.3'],
  '2002:a01:203:1::1': ['10.1.2.3'],
  '2001:0:a01:203:0:0:3f57:fefe': ['10.1.2.3', '192.168.1.1'],
  '2001:db8::5efe:10.1.2.3': ['10.1.2.3'],
  '2001:db8::200:5efe:a01:203': ['10.1.2.3'],
  'fe80::5efe:a01:203': ['10.1.2.3'],
};

for (const [address, inner] of Object.entries(embedded)) {
  t.test(`finds what ${address} leads to`, async (t) => {
    t.strictSame(embeddedIpv4(address), inner);
  });
}

t.test('finds nothing in addresses that embed nothing', async (t) => {
  for (const address of [
    '10.1.2.3',
    '::',
    '::1',
    '2606:4700:4700::1111',
    '2001:1::1',
    '2003:a01:203::',
    '64:ff9b:2::10.1.2.3',
    '64:ff9c::10.1.2.3',
    '::1:0:10.1.2.3',
    '2001:db8::100:5efe:a01:203',
    '2001:db8::5eff:a01:203',
    '2001:db8:5efe::a01:203',
  ]) {
    t.strictSame(embeddedIpv4(address), [], address);
  }
});
