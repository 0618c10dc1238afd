import { randomUUID } from 'node:crypto';
import t from 'tap';
import { inspectSecret } from '../../../keyserver/operations/intelligence/inspect-secret.ts';
import { readJwt } from '../../../keyserver/operations/intelligence/jwt.ts';
import { marketplaces } from '../../../keyserver/operations/intelligence/marketplaces.ts';
import type { Policy } from '../../../shared/policy/schema.ts';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A JWT whose signature proves nothing, as nobody here verifies it. */
const jwt = (claims: object) =>
  `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}.${randomUUID().replaceAll('-', '')}`;
const exp = Date.parse('2027-06-01T00:00:00Z') / 1000;
/** Bits by position, as dev.wildberries.ru counts them. */
const bits = (...positions: number[]) => positions.reduce((sum, bit) => sum + 2 ** bit, 0);
const wildberriesToken = (claims: object = {}) =>
  jwt({ id: 'a', sid: 'b', s: bits(1, 4), acc: 1, exp, ...claims });

const policyOf = (...destinations: string[]): Policy => ({
  destinations,
  injection: { scheme: 'headers', headers: { Authorization: '{token}' } } as Policy['injection'],
});
const warningsOf = (token: string, ...destinations: string[]) =>
  inspectSecret(policyOf(...destinations), { token }).warnings;

t.test('reads a JWT, and nothing else as one', async (t) => {
  for (const [text, expiresAtMs] of [
    [jwt({ exp }), exp * 1000],
    [`Bearer ${jwt({ exp })}`, exp * 1000],
    [jwt({ exp: exp + 0.9 }), exp * 1000],
    [jwt({}), undefined],
    [jwt({ exp: exp * 1000 }), undefined],
    [jwt({ exp: String(exp) }), undefined],
    [jwt({ exp: -1 }), undefined],
  ] as const) {
    t.same(readJwt(text)?.expiresAtMs, expiresAtMs, text);
    t.ok(readJwt(text));
  }
  for (const text of [
    '',
    'a.b.c',
    `${part({ typ: 'JWT' })}.${part({ exp })}.x`,
    `${part({ alg: 'none' })}.${part([])}.x`,
    `${part({ alg: 'x' })}.${Buffer.from('{').toString('base64url')}.x`,
    `${jwt({ exp })}.more`,
    `${jwt({ exp })} `,
  ]) {
    t.equal(readJwt(text), undefined, text);
  }
});

t.test('takes the first end of the JWTs that are injected and secret', async (t) => {
  const policy: Policy = {
    ...policyOf('https://api.example.com'),
    injection: {
      scheme: 'headers',
      headers: { A: '{first}', B: '{second}', C: '{shown}' },
    } as Policy['injection'],
    publicFields: ['shown'],
  };
  const report = inspectSecret(policy, {
    first: jwt({ exp: exp + 5 }),
    second: jwt({ exp: exp + 1 }),
    shown: jwt({ exp: exp - 5 }),
    other: jwt({ exp: exp - 9 }),
  });
  t.equal(report.expiresAt, '2027-06-01T00:00:01.000Z');
  t.equal(report.kind, undefined);
  t.equal(inspectSecret(policy, { first: 'x', second: 'y', shown: 'z' }).expiresAt, undefined);
});

t.test('says of a token of Wildberries what it is', async (t) => {
  for (const [claims, kind] of [
    [{}, 'base token of Wildberries for content, marketplace'],
    [
      { acc: 3, for: 'self', s: bits(3, 30) },
      'personal token of Wildberries for prices, read only',
    ],
    [{ acc: 4, for: 'asid:x', s: 0 }, 'service token of Wildberries for no category'],
    [{ acc: 2, t: true, s: bits(16) }, 'test token of Wildberries for users'],
    [{ acc: 9 }, undefined],
    [{ sid: undefined }, undefined],
  ] as const) {
    const { kind: told } = inspectSecret(policyOf('https://api.example.com'), {
      token: wildberriesToken(claims),
    });
    t.equal(told, kind);
  }
});

t.test('warns of a token of Wildberries that its hosts will refuse', async (t) => {
  const content = 'https://content-api.wildberries.ru';
  const sandbox = 'https://content-api-sandbox.wildberries.ru';
  for (const [claims, destinations, warnings] of [
    [{}, [content, 'https://common-api.wildberries.ru'], []],
    [{}, ['https://*.wildberries.ru'], []],
    [{}, ['https://api.example.com'], []],
    [{}, ['https://finance-api.wildberries.ru'], [/^finance-api.* wants the category finance/]],
    [{ acc: 3 }, [content], [/^a personal token of Wildberries works for the seller's own/]],
    [{ acc: 2, t: true }, [content], [/^a test token works in the sandbox only, and content-api/]],
    [{ acc: 2, t: true }, [sandbox], []],
    [{}, [sandbox], [/^content-api-sandbox.* takes test tokens only, and this is a base token/]],
    [{ s: 0, acc: 2, t: true }, [sandbox], [/^content-api-sandbox.* wants the category content/]],
  ] as const) {
    const told = warningsOf(wildberriesToken(claims), ...destinations);
    t.equal(told.length, warnings.length, `${told}`);
    for (const [i, warning] of warnings.entries()) t.match(told[i], warning);
  }
});

t.test('warns of a secret of another marketplace than its destinations', async (t) => {
  const wildberries = 'https://content-api.wildberries.ru';
  const yandex = 'https://api.partner.market.yandex.ru';
  const random = randomUUID();
  for (const [token, destination, warnings] of [
    [`ACMA:${random}:1`, yandex, []],
    [
      `ACMA:${random}:1`,
      wildberries,
      [
        'the field "token" looks like a secret of Yandex Market, but goes to content-api.wildberries.ru',
      ],
    ],
    [
      wildberriesToken(),
      yandex,
      [
        'the field "token" looks like a secret of Wildberries, but goes to api.partner.market.yandex.ru',
      ],
    ],
    [
      `APP_USR-${random}`,
      'https://shop.myshopify.com',
      ['the field "token" looks like a secret of Mercado Libre, but goes to shop.myshopify.com'],
    ],
    [`shpat_${random}`, 'https://*.eu.myshopify.com', []],
    [`shpat_${random}`, 'no URL', []],
    [`shpat_${random}`, 'https://api.example.com', []],
    [
      random,
      wildberries,
      [
        'the field "token" is not a JWT, as secrets of Wildberries are, but goes to content-api.wildberries.ru',
      ],
    ],
    [random, 'https://api.megamarket.tech', []],
    // A host that came later, of a marketplace whose domain is known.
    [
      `ACMA:${random}:1`,
      'https://new-api.wildberries.ru',
      [
        'the field "token" looks like a secret of Yandex Market, but goes to new-api.wildberries.ru',
      ],
    ],
    [
      random,
      'https://new-api.wildberries.ru',
      [
        'the field "token" is not a JWT, as secrets of Wildberries are, but goes to new-api.wildberries.ru',
      ],
    ],
    [wildberriesToken(), 'https://new-api.wildberries.ru', []],
    ['12-3@advertising.performance.ozon.ru', 'https://*.ozon.ru', []],
    ['12-3@advertising.performance.ozon.ru', 'https://new.ozon.ru', []],
    [
      `ACMA:${random}:1`,
      'https://*.ozon.ru',
      ['the field "token" looks like a secret of Yandex Market, but goes to ozon.ru'],
    ],
    [
      jwt({}),
      'https://api.megamarket.tech',
      [
        'the field "token" is not a UUID, as secrets of MegaMarket are, but goes to api.megamarket.tech',
      ],
    ],
    [
      '12345-6@advertising.performance.ozon.ru',
      'https://api-seller.ozon.ru',
      ['the field "token" looks like a secret of Ozon Performance, but goes to api-seller.ozon.ru'],
    ],
    [
      '12345-678901234@advertising.performance.ozon.ru',
      yandex,
      [
        'the field "token" looks like a secret of Ozon Performance, but goes to api.partner.market.yandex.ru',
      ],
    ],
  ] as const) {
    t.same(
      warningsOf(token, destination).filter((warning) => !warning.includes('could be guessed')),
      warnings,
    );
  }
});

t.test('says once of a field what holds at many hosts', async (t) => {
  const hosts = ['content-api', 'marketplace-api', 'statistics-api'].map(
    (name) => `https://${name}.wildberries.ru`,
  );
  const random = randomUUID();
  t.same(warningsOf(random, ...hosts, 'https://api.megamarket.tech'), [
    'the field "token" is not a JWT, as secrets of Wildberries are, but goes to content-api.wildberries.ru, as to 2 more',
  ]);
  t.same(warningsOf(`ACMA:${random}:1`, ...hosts.slice(1)), [
    'the field "token" looks like a secret of Yandex Market, but goes to marketplace-api.wildberries.ru, as to 1 more',
  ]);
});

t.test('asks once a type to which marketplaces its hosts belong', async (t) => {
  let reads = 0;
  for (const marketplace of marketplaces()) {
    const { hosts } = marketplace;
    Object.defineProperty(marketplace, 'hosts', {
      configurable: true,
      get: () => {
        reads += 1;
        return hosts;
      },
    });
    t.teardown(() => void Object.defineProperty(marketplace, 'hosts', { value: hosts }));
  }
  const policy = policyOf('https://api.example.com', 'https://content-api.wildberries.ru');
  inspectSecret(policy, { token: randomUUID() });
  t.ok(reads > 0);
  const first = reads;
  for (let row = 0; row < 100; row += 1) inspectSecret(policy, { token: randomUUID() });
  t.equal(reads, first);
});

t.test('warns of secrets that a person made up, and never tells a value', async (t) => {
  const policy = { ...policyOf('https://content-api.wildberries.ru'), publicFields: ['user'] };
  const { warnings } = inspectSecret(policy, { token: 'Tr0ub4dor', user: 'shop' });
  t.equal(warnings.length, 2);
  t.match(warnings[1], /^the field "token" is as short or regular/);
  t.notMatch(warnings.join(), 'Tr0ub4dor');
});
