import fc from 'fast-check';
import t from 'tap';
import { addressSet } from '../../../shared/address/address-set.ts';
import { addressVerdict } from '../../../shared/address/address-verdict.ts';

const none = addressSet([]);

t.test('lets public addresses through', (t) => {
  for (const address of [
    '8.8.8.8',
    '93.184.215.14',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a02:6b8::2:242',
    '2003::1',
    '2001:200::1',
    '2620:4f:8001::1',
    '3fff:1000::1',
    '192.0.1.1',
    '198.17.255.255',
    '198.20.0.1',
  ]) {
    t.equal(addressVerdict(address, none), undefined, address);
  }
  t.end();
});

const refused: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'],
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    'fc00::1',
    'fdff::1',
    'fec0::1',
  ],
  link_local: ['169.254.0.1', '169.254.169.253', 'fe80::1', 'febf::1'],
  cgnat: ['100.64.0.1', '100.127.255.255'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  reserved: [
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '255.255.255.255',
    '100::1',
    '2001:db8::1',
    // Other blocks of the IANA registries.
    '192.0.0.9',
    '192.0.0.170',
    '192.31.196.1',
    '192.52.193.1',
    '192.88.99.2',
    '192.175.48.6',
    '100:0:0:1::1',
    '2001:1::1',
    '2001:1::2',
    '2001:1::3',
    '2001:2::1',
    '2001:3::1',
    '2001:4:112::1',
    '2001:10::1',
    '2001:20::1',
    '2001:30::1',
    '2001:1ff:ffff::1',
    '2620:4f:8000::1',
    '3fff::1',
    '3fff:fff::1',
    '5f00::1',
    '64:ff9b:2::1',
    '1fff::1',
    '1::1',
    '4000::1',
    '9000::1',
  ],
  embedded_ipv4: [
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '::FFFF:127.0.0.1',
    '0:0:0:0:0:ffff:7f00:1',
    '::ffff:0:7f00:1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    // ISATAP under a public prefix, with any embedded address.
    '2606:4700::5efe:10.0.0.1',
    '2606:4700::200:5efe:a00:1',
    '2606:4700::5efe:8.8.8.8',
  ],
  metadata: [
    '169.254.169.254',
    '169.254.170.2',
    '169.254.170.23',
    '169.254.0.23',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '169.254.42.42',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:42::42',
    'fd00:a9fe:a9fe::1',
    'fe80::a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::169.254.169.254',
    '::169.254.169.254',
    '::ffff:0:169.254.169.254',
    '2002:a9fe:a9fe::1',
    '2001:0:a9fe:a9fe::1',
    '2001::5601:5601',
    '2606:4700::5efe:169.254.169.254',
  ],
  not_an_address: [
    '',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '0177.0.0.1',
    '１27.0.0.1',
    'fe80::1%eth0',
    '2606:4700::1%lo',
    '8.8.8.8 ',
    '[::1]',
  ],
};

for (const [verdict, addresses] of Object.entries(refused)) {
  t.test(`names ${verdict}`, (t) => {
    for (const address of addresses) t.equal(addressVerdict(address, none), verdict, address);
    t.end();
  });
}

t.test('lets private addresses through that are allowed, and only those', (t) => {
  const allowed = addressSet(['127.0.0.0/8', 'fd00::/8', '192.168.1.7/32']);
  t.equal(addressVerdict('127.0.0.1', allowed), undefined);
  t.equal(addressVerdict('fd12::1', allowed), undefined);
  t.equal(addressVerdict('192.168.1.7', allowed), undefined);
  t.equal(addressVerdict('192.168.1.8', allowed), 'private');
  t.equal(addressVerdict('::1', allowed), 'loopback');
  t.end();
});

t.test('never lets metadata services or mapped addresses through, whatever is allowed', (t) => {
  const everything = addressSet(['0.0.0.0/0', '::/0']);
  for (const address of refused.metadata ?? []) {
    t.equal(addressVerdict(address, everything), 'metadata', address);
  }
  for (const address of ['::ffff:169.254.169.254', '::ffff:8.8.8.8', '0:0:0:0:0:ffff:a9fe:a9fe']) {
    t.equal(addressVerdict(address, everything), 'embedded_ipv4', address);
  }
  t.end();
});

t.test('allowing a translator allows nothing behind it', (t) => {
  const translators = ['64:ff9b::/96', '2002::/16', '2001::/32', '2606:4700::/32', 'fd00::/8'];
  const allowed = addressSet(translators);
  for (const address of [
    '64:ff9b::10.0.0.1',
    '64:ff9b::127.0.0.1',
    '2002:7f00:1::',
    '2001:0:a00:1:0:0:f7f7:f7f7',
    '2001:0:808:808:0:0:f5ff:fffe',
    '2606:4700::5efe:10.0.0.1',
  ]) {
    t.equal(addressVerdict(address, allowed), 'embedded_ipv4', address);
    const inner = addressSet([...translators, '10.0.0.0/8', '127.0.0.0/8']);
    t.equal(addressVerdict(address, inner), undefined, `${address}, allowed itself`);
  }
  t.equal(addressVerdict('fd00::5efe:10.0.0.1', allowed), 'private');
  t.equal(addressVerdict('64:ff9b::8.8.8.8', allowed), undefined);
  t.equal(addressVerdict('2001:0:808:808:0:0:f7f7:f7f7', allowed), undefined);
  t.equal(addressVerdict('64:ff9b:1::8.8.8.8', allowed), 'embedded_ipv4');
  t.end();
});

t.test('allowing blocks of one family allows nothing of the other', (t) => {
  t.equal(addressVerdict('10.0.0.1', addressSet(['::/0'])), 'private');
  t.equal(addressVerdict('10.0.0.1', addressSet(['::ffff:0:0/96'])), 'private');
  t.equal(addressVerdict('::1', addressSet(['0.0.0.0/0'])), 'loopback');
  t.end();
});

t.test('judges every IPv4 address as RFC 6890 has it', (t) => {
  const inside = (octets: number[]) => {
    const [a = 0, b = 0] = octets;
    return (
      [0, 10, 127].includes(a) ||
      a >= 224 ||
      (a === 100 && b >= 64 && b < 128) ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168)
    );
  };
  const octet = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(fc.tuple(octet, octet, octet, octet), (octets) => {
      const verdict = addressVerdict(octets.join('.'), none);
      if (inside(octets)) return verdict !== undefined;
      // The small blocks are named above.
      return verdict === undefined || verdict === 'reserved' || verdict === 'metadata';
    }),
    { numRuns: 2000 },
  );
  t.end();
});
