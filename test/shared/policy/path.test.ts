import fc from 'fast-check';
import t, { type Test } from 'tap';
import { isAmbiguousPath } from '../../../shared/policy/path.ts';
import { parseTargetUrl } from '../../../shared/policy/url.ts';

function are(t: Test, isAmbiguous: boolean, paths: readonly string[]): void {
  for (const path of paths) t.equal(isAmbiguousPath(path), isAmbiguous, path);
  t.end();
}

t.test('refuses a path that some server could read as one outside of its prefix', (t) =>
  are(t, true, [
    '/v1/..%2Fadmin',
    '/v1/..%5cadmin',
    '/v1/x%2f..%2fadmin',
    '/v1/%252e%252e/admin',
    '/v1/%25252e./admin',
    '/v1/%2%65%2e/admin',
    '/v1/%%32%65./admin',
    '/v1/..;/admin',
    '/v1/..;a=1;b/admin',
    '/v1/..%3B/admin',
    '/v1/.;a/admin',
    '/v1/..%3Fx',
    '/v1/..%3Fx/y',
    '/v1/..%253Fx',
    '/v1/..%23',
    '/v1/..%23/x',
    '/v1/x%2F..%3Bv=1%2Fadmin',
    '/v1/..%20/admin',
    '/v1/%20../admin',
    '/v1/..%20;x/admin',
    '/v1/%e3%80%80..',
    // Wide or small forms of dots, slashes and signs, and what code pages take for slashes.
    '/v1/%ef%bc%8e%ef%bc%8e/admin',
    '/v1/%E2%80%A5/admin',
    '/v1/%e2%80%a4/',
    '/v1/..%ef%bc%8fadmin',
    '/v1/..%ef%bc%bcadmin',
    '/v1/..%ef%bc%9b/admin',
    '/v1/..%cd%be/admin',
    '/v1/..%ef%bc%9fx',
    '/v1/%ef%bc%852e./admin',
    '/v1/..%e2%81%84admin',
    '/v1/..%e2%88%95admin',
    '/v1/..%c2%a5admin',
  ]),
);

t.test('refuses control characters, bytes that are not UTF-8, and %u, at any depth', (t) =>
  are(t, true, [
    '/v1/..%00/admin',
    '/v1/.%09./admin',
    '/v1/a%0d%0a/b',
    '/v1/%7F',
    '/v1/%c2%85',
    '/v1/%e2%80%a8',
    '/v1/%2500',
    '/v1/%25250a',
    '/v1/%c0%ae%c0%ae/admin',
    '/v1/..%c0%afadmin',
    '/v1/%e0%80%af',
    '/v1/%ff',
    '/v1/%25ff',
    '/v1/%E2%2580%A6',
    '/v1/%ed%a0%80',
    '/v1/%u002e%u002e/admin',
    '/v1/%U002E',
    '/v1/%25u002e',
    '/v1/%25%75002e',
  ]),
);

t.test('refuses a path that begins with two slashes, however they are spelled', (t) =>
  are(t, true, ['//admin', '//', '/%2Fadmin', '/%5cadmin', '/;a/admin', '/%252f']),
);

t.test('passes what every server reads behind its prefix', (t) =>
  are(t, false, [
    '/',
    '/v1/orders',
    '/v1/orders/AB%2F12',
    '/v1/orders/50%25',
    '/v1/orders/50%',
    '/v1/orders/50%2',
    '/v1/orders/100%-cotton',
    '/v1/orders/RED%3BXL',
    '/v1/orders/RED;XL',
    '/v1/orders/what%3F',
    '/v1/orders/%231',
    '/v1/orders/a%5Cb',
    '/v1/orders/%252F',
    '/v1/orders/a%2525',
    '/v1//orders',
    '/v1/orders//',
    '/users%2Fme',
    '/a%20b',
    '/%20a%20',
    '/%D1%82',
    '/%25D1%2582',
    '/a:b@c',
    '/~a/',
    '/a%2B%3D',
    '/...',
    '/%E2%80%A6',
    '/.a',
    '/a..',
    '/a..%2Fb',
    '/%2E%2Ea',
    '/%F0%9F%98%80',
    '/;a=1',
  ]),
);

/** Encodings of one character, from plain to triple. */
const spellings = (character: string) => {
  const hex = encodeURIComponent(character).startsWith('%')
    ? encodeURIComponent(character)
    : `%${character.charCodeAt(0).toString(16)}`;
  return [
    character,
    hex,
    hex.toUpperCase(),
    hex.replaceAll('%', '%25'),
    hex.replaceAll('%', '%2525'),
  ];
};

t.test('refuses dot segments in every spelling, wherever they stand', (t) => {
  const any = (...characters: string[]) => fc.constantFrom(...characters.flatMap(spellings));
  const dot = any('.', '．', '․');
  const slash = any('/', '\\', '／', '＼');
  const behind = fc.oneof(
    fc.constant(''),
    fc
      .tuple(any(';', '?', '#', '；'), fc.constantFrom('', 'x', 'a=1'))
      .map((parts) => parts.join('')),
  );
  const blank = fc.constantFrom('', '%20', '%2520', '%C2%A0');
  const segment = fc.tuple(blank, dot, fc.oneof(dot, fc.constant('')), blank, behind);
  fc.assert(
    fc.property(slash, segment, fc.option(slash), (before, parts, after) => {
      const rest = after === null ? '' : `${after}admin`;
      const url = parseTargetUrl(`https://x.example/v1/orders/1${before}${parts.join('')}${rest}`);
      return !url.allowed || url.value.isAmbiguous;
    }),
    { numRuns: 5000 },
  );
  t.end();
});

t.test('judges a long path in linear time, however often it is encoded', (t) => {
  const deep = `/v1/%${'25'.repeat(30_000)}2e`;
  t.equal(isAmbiguousPath(deep), true);
  let nested = '%2e';
  while (nested.length < 60_000)
    nested = nested.replace(/^%(.)/, (_all, digit: string) => `%%3${digit}`);
  t.equal(isAmbiguousPath(`/${nested}`), true);
  t.equal(isAmbiguousPath(`/v1/${'a;'.repeat(30_000)}`), false);
  t.equal(isAmbiguousPath(`/v1/${'%EF%B7%BA'.repeat(7_000)}`), false);
  t.equal(isAmbiguousPath(`/v1/${'%2F'.repeat(20_000)}`), false);
  t.end();
});
