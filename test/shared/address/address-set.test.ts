import t from 'tap';
import { addressSet, familyOf } from '../../../shared/address/address-set.ts';

t.test('holds the addresses of its blocks, of their own family alone', async (t) => {
  const set = addressSet(['10.0.0.0/8', '192.0.2.1/32', '0.0.0.0/32', '2001:db8::/32', '::1/128']);
  for (const address of ['10.0.0.0', '10.255.255.255', '192.0.2.1', '0.0.0.0']) {
    t.equal(set.ipv4.check(address), true, address);
    t.equal(set.ipv6.check(`::ffff:${address}`, 'ipv6'), false, address);
  }
  for (const address of ['9.255.255.255', '11.0.0.0', '192.0.2.0']) {
    t.equal(set.ipv4.check(address), false, address);
  }
  t.equal(set.ipv6.check('2001:db8:ffff::', 'ipv6'), true);
  t.equal(set.ipv6.check('::1', 'ipv6'), true);
  t.equal(set.ipv6.check('2001:db9::', 'ipv6'), false);
  t.equal(addressSet(['0.0.0.0/0']).ipv4.check('255.255.255.255'), true);
});

t.test('takes CIDR blocks only, and names the one that is none', async (t) => {
  for (const bad of [
    '',
    '/',
    '/8',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/128',
    '10.0.0.0/8/8',
    '10.0.0.0/8/',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0/8.0',
    '10.0.0.0/0x8',
    '10.0.0.0/0008',
    '10.0.0.0/1e1',
    '10.0.0/8',
    '::1/129',
    '::1/',
    'fe80::1%eth0/64',
    'x/8',
  ]) {
    const message = `${JSON.stringify(bad)} is not a CIDR block such as 10.0.0.0/8`;
    t.throws(() => addressSet(['10.0.0.0/8', bad]), { name: 'PolicyError', message }, bad);
  }
});

t.test('tells the families, and takes no address with a zone', async (t) => {
  t.equal(familyOf('127.0.0.1'), 'ipv4');
  t.equal(familyOf('::1'), 'ipv6');
  t.equal(familyOf('::ffff:127.0.0.1'), 'ipv6');
  for (const none of ['', 'localhost', '127.1', '[::1]', 'fe80::1%eth0', '::1%', '1.1.1.1%1']) {
    t.equal(familyOf(none), undefined, none);
  }
});
