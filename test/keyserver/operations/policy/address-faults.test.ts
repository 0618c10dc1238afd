import t from 'tap';
import { addressFaults } from '../../../../keyserver/operations/policy/address-faults.ts';
import { policyFaults } from '../../../../keyserver/operations/policy/policy-faults.ts';
import type { Policy } from '../../../../shared/policy/schema.ts';

const policy = (destination: string, more: Partial<Policy> = {}): Policy => ({
  destinations: [destination],
  injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  ...more,
});

t.test('names a destination at an address that calls do not go to', async (t) => {
  for (const [destination, reason, block] of [
    ['https://127.0.0.1', 'loopback', '127.0.0.1/32'],
    ['https://127.8.9.1:8443/v1', 'loopback', '127.8.9.1/32'],
    ['https://[::1]', 'loopback', '::1/128'],
    ['https://0.0.0.0', 'unspecified', '0.0.0.0/32'],
    ['https://10.1.2.3', 'private', '10.1.2.3/32'],
    ['https://[fd00:1::2]:8080', 'private', 'fd00:1::2/128'],
    ['https://100.64.0.1', 'cgnat', '100.64.0.1/32'],
    ['https://198.51.100.1', 'reserved', '198.51.100.1/32'],
  ] as const) {
    const sentence = `destination ${JSON.stringify(destination)} is an address that calls do not go to (${reason}; unsafeAllowPrivate ${block} allows it)`;
    t.same(addressFaults(policy(destination)), [{ sentence, block }], destination);
    t.same(policyFaults(policy(destination)), [sentence], destination);
    t.same(policyFaults(policy(destination, { unsafeAllowPrivate: [block] })), [], block);
  }
});

t.test('advises no block for an address that none allows', async (t) => {
  for (const [destination, reason] of [
    ['https://169.254.169.254', 'metadata'],
    ['https://[::ffff:7f00:1]', 'embedded_ipv4'],
    ['https://[64:ff9b::a9fe:a9fe]', 'metadata'],
  ] as const) {
    const sentence = `destination "${destination}" is an address that no call ever goes to (${reason})`;
    const allowed = { unsafeAllowPrivate: ['169.254.0.0/16', '::/1'] };
    t.same(addressFaults(policy(destination)), [{ sentence, block: undefined }]);
    t.same(policyFaults(policy(destination, allowed)), [sentence]);
  }
});

t.test('judges plain destinations, too', async (t) => {
  const plain = policy('https://api.example', { plainDestinations: ['https://10.0.0.1/files'] });
  t.match(addressFaults(plain), [{ block: '10.0.0.1/32' }]);
});

t.test('takes public addresses, and names whatever they resolve to', async (t) => {
  for (const destination of [
    'https://203.0.114.1',
    'https://[2a00::1]',
    'https://localhost',
    'https://*.example.com',
  ]) {
    t.same(policyFaults(policy(destination)), [], destination);
  }
});

t.test('no other spelling of an address gets past it', async (t) => {
  for (const host of [
    '127.1',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '[::ffff:127.0.0.1]',
    '①27.0.0.1',
    '127.0.0.1.',
    '[0:0:0:0:0:0:0:1]',
  ]) {
    t.equal(policyFaults(policy(`https://${host}`)).length, 1, host);
    const listed = { plainDestinations: [`https://${host}`] };
    t.equal(policyFaults(policy('https://api.example', listed)).length, 1, host);
  }
});

t.test('leaves what does not parse to the other checks', async (t) => {
  t.match(policyFaults(policy('https://10.0.0.1', { unsafeAllowPrivate: ['10/8'] })), [
    /not a CIDR/,
  ]);
  t.match(policyFaults(policy('https://10.0.0.1', { plainDestinations: ['x'] })), [/not usable/]);
});
