import t from 'tap';
import { AddressGuard } from '../../../secureproxy/guard/address-guard.ts';
import { createOwnListeners } from '../../../secureproxy/guard/own-listeners.ts';
import { addressSet } from '../../../shared/address/address-set.ts';
import { resolvesTo } from '../../support/proxy.ts';

/** A guard of an origin whose name, if it has one, resolves to these. */
function guard(origin: string, addresses: readonly string[], allowed: readonly string[] = []) {
  const asked: string[] = [];
  const lookup = resolvesTo(...addresses);
  const one = new AddressGuard({
    origin: new URL(origin),
    allowed: addressSet(allowed),
    ownListeners: createOwnListeners([]),
    lookup: (name) => {
      asked.push(name);
      return lookup(name);
    },
  });
  return { asked, check: () => one.checkHost() };
}

const denied = (reason: string) => ({ code: 'destination_denied', options: { reason } });

t.test('a name is judged by what it resolves to', async (t) => {
  const { asked, check } = guard('https://shop.example:8443', ['203.0.114.1', '10.0.0.1']);
  await t.rejects(check(), denied('address_private'));
  t.same(asked, ['shop.example']);
  await guard('https://shop.example', ['203.0.114.1']).check();
  await guard('https://shop.example', ['10.0.0.1'], ['10.0.0.0/8']).check();
});

t.test('an address is judged by itself, and never looked up', async (t) => {
  for (const [origin, reason] of [
    ['https://127.0.0.1', 'address_loopback'],
    ['https://[::1]:8443', 'address_loopback'],
    ['https://10.0.0.1', 'address_private'],
  ] as const) {
    const { asked, check } = guard(origin, ['203.0.114.1']);
    await t.rejects(check(), denied(reason));
    t.same(asked, []);
  }
  const { asked, check } = guard('https://[2a00::1]', []);
  await check();
  t.same(asked, []);
});
