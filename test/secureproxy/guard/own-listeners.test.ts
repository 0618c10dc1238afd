import { networkInterfaces } from 'node:os';
import t from 'tap';
import { createOwnListeners } from '../../../secureproxy/guard/own-listeners.ts';

/** A resolver whose answers can be changed; without one it fails. */
function names(answers: Record<string, readonly string[]>) {
  const asked: string[] = [];
  return {
    answers,
    asked,
    resolve: async (name: string) => {
      asked.push(name);
      const found = answers[name];
      if (found === undefined) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
      return found;
    },
  };
}

t.test('knows its own port on every address of this machine, in every form', async (t) => {
  const own = createOwnListeners([]);
  own.add(5004);
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const addresses = interfaces.map(({ address }) => address);
  t.ok(addresses.length > 0);
  for (const address of [
    ...addresses,
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.0.0.1',
    '::',
    '::1',
    '::ffff:7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:0:0',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ]) {
    t.equal(await own.includes(address, 5004), true, address);
    t.equal(await own.includes(address, 5005), false, `${address}, another port`);
  }
  for (const address of [
    '8.8.8.8',
    '198.51.100.127',
    '2606:4700::1',
    '1::1',
    '10.127.0.1',
    '::ffff:8.8.8.8',
  ]) {
    t.equal(await own.includes(address, 5004), false, address);
  }
});

t.test('knows KeyServer by every address of its name, at its port alone', async (t) => {
  const { resolve } = names({ 'keys.example': ['203.0.113.7', '2001:db8::7'] });
  const own = createOwnListeners([new URL('https://keys.example/public_key')], resolve);
  for (const address of [
    '203.0.113.7',
    '2001:db8::7',
    '::ffff:203.0.113.7',
    '64:ff9b::cb00:7107',
  ]) {
    t.equal(await own.includes(address, 443), true, address);
    t.equal(await own.includes(address, 80), false, `${address}, another port`);
  }
  t.equal(await own.includes('203.0.113.8', 443), false);
  t.equal(await own.includes('127.0.0.1', 443), false, 'KeyServer is elsewhere');
});

t.test('knows both URLs, the default port of http, and literal addresses', async (t) => {
  const { resolve, asked } = names({
    'one.example': ['203.0.113.1'],
    '2001:db8::2': ['2001:db8::2'],
  });
  const own = createOwnListeners(
    [new URL('http://one.example/'), new URL('http://[2001:db8::2]:5001/')],
    resolve,
  );
  t.equal(await own.includes('203.0.113.1', 80), true);
  t.equal(await own.includes('2001:db8::2', 5001), true);
  t.equal(await own.includes('203.0.113.1', 5001), false);
  t.strictSame(asked, ['one.example', '2001:db8::2', '2001:db8::2']);
});

t.test('takes every local address for a KeyServer that is local', async (t) => {
  const { resolve } = names({ localhost: ['127.0.0.1'] });
  const own = createOwnListeners([new URL('http://localhost:5001/')], resolve);
  for (const address of ['127.0.0.1', '127.0.0.9', '0.0.0.0', '::1', '::']) {
    t.equal(await own.includes(address, 5001), true, address);
  }
  t.equal(await own.includes('203.0.113.1', 5001), false);
});

t.test('follows the name, and uses its last addresses while the resolver fails', async (t) => {
  const { answers, resolve } = names({ 'keys.example': ['203.0.113.1'] });
  const own = createOwnListeners([new URL('https://keys.example/')], resolve);
  t.equal(await own.includes('203.0.113.1', 443), true);
  answers['keys.example'] = ['203.0.113.2'];
  t.equal(await own.includes('203.0.113.1', 443), false);
  t.equal(await own.includes('203.0.113.2', 443), true);
  delete answers['keys.example'];
  t.equal(await own.includes('203.0.113.2', 443), true);
  t.equal(await own.includes('203.0.113.1', 443), false);
});

t.test('fails if the name of KeyServer has never resolved', async (t) => {
  const { resolve } = names({});
  const own = createOwnListeners([new URL('https://keys.example/')], resolve);
  await t.rejects(own.includes('203.0.113.1', 443), { code: 'ENOTFOUND' });
  t.equal(await own.includes('203.0.113.1', 444), false, 'another port needs no look-up');
});

t.test('asks the system resolver by default', async (t) => {
  const own = createOwnListeners([
    new URL('http://localhost:5001/'),
    new URL('http://[::1]:5002/'),
  ]);
  t.equal(await own.includes('127.0.0.1', 5001), true);
  t.equal(await own.includes('::1', 5002), true);
  t.equal(await own.includes('8.8.8.8', 5002), false);
});
