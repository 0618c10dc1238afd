import fc from 'fast-check';

const pieces = [
  'https://',
  'http://',
  'allowed.example',
  'shop.example',
  'evil.example',
  'a.',
  '.',
  '..',
  '/',
  '\\',
  '@',
  ':',
  ':443',
  ':8443',
  '?',
  '#',
  ';',
  '*',
  '%',
  '%2e',
  '%2F',
  '%5c',
  '%00',
  '\t',
  '\n',
  ' ',
  '\u00ad',
  '\ufeff',
  '。',
  '１',
  'я',
  'ß',
  '\ud800',
  '127.0.0.1',
  '0x7f.1',
  '[::1]',
  'v1',
  'V1',
  '{',
  '"',
];
const tail = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 3 })), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));
const heads = [
  '',
  'https://',
  'https://allowed.example',
  'https://allowed.example/',
  'https://allowed.example/v1/',
  'https://evil.example/',
  'https://a.shop.example',
  'http://allowed.example/',
];

/** Strings near the border of what is a URL: some are accepted, most are not. */
export const hostileUrls = fc
  .tuple(fc.constantFrom(...heads), tail)
  .map(([head, rest]) => head + rest);
