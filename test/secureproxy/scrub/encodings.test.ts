import t from 'tap';
import { secretForms } from '../../../secureproxy/scrub/search/secret-forms.ts';
import { SecretSearch } from '../../../secureproxy/scrub/search/secret-search.ts';
import { SecretFilter } from '../../../secureproxy/scrub/secret-filter.ts';
import { harmlessJson, tokens } from './harmless-json.ts';

type Encode = (text: string) => string;

const hex = (char: string, digits = 2) => char.charCodeAt(0).toString(16).padStart(digits, '0');
const all =
  (write: Encode): Encode =>
  (text) =>
    text.replace(/./gs, write);
const symbols =
  (write: Encode): Encode =>
  (text) =>
    text.replace(/[^A-Za-z0-9]/g, write);
const url = (char: string) => `%${hex(char).toUpperCase()}`;
const unit = (char: string) => `\\u${hex(char, 4)}`;
const decimal = (char: string) => `&#${char.charCodeAt(0)};`;
const hexadecimal = (char: string) => `&#x${hex(char).toUpperCase()};`;
const json: Encode = (text) => JSON.stringify(text).slice(1, -1);
const base64 =
  (ahead = ''): Encode =>
  (text) =>
    Buffer.from(ahead + text).toString('base64');
const lines =
  (length: number, end: string): Encode =>
  (text) =>
    text.replace(new RegExp(`.{${length}}(?=.)`, 'g'), (line) => line + end);
const quotedPrintable: Encode = (text) => lines(73, '=\r\n')(text.replaceAll('=', '=3D'));
const htmlPage: Encode = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const names: Readonly<Record<string, string>> = {
  '+': 'plus',
  '/': 'sol',
  '=': 'equals',
  '.': 'period',
  '-': 'hyphen',
  '!': 'excl',
  '&': 'amp',
  '<': 'lt',
  '"': 'quot',
};
const then =
  (...encodes: Encode[]): Encode =>
  (text) =>
    encodes.reduce((one, encode) => encode(one), text);

const encodings: Readonly<Record<string, Encode>> = {
  'as it is': (text) => text,
  URL: encodeURIComponent,
  'URL, lower case': (text) => encodeURIComponent(text).replace(/%../g, (one) => one.toLowerCase()),
  'URL, twice': then(encodeURIComponent, encodeURIComponent),
  'URL, three times': then(encodeURIComponent, encodeURIComponent, encodeURIComponent),
  'URL, every character': all(url),
  'URL, every character, twice': then(all(url), encodeURIComponent),
  'URL, last character': (text) => text.slice(0, -1) + url(text.at(-1) as string),
  form: (text) => new URLSearchParams({ '': text }).toString().slice(1),
  HTML: htmlPage,
  'HTML, twice': then(htmlPage, htmlPage),
  'HTML, decimal': symbols(decimal),
  'HTML, hexadecimal': symbols(hexadecimal),
  'HTML, named': symbols((char) => (char in names ? `&${names[char]};` : char)),
  'HTML, every character': all(decimal),
  'HTML, every character, hexadecimal': all(hexadecimal),
  'HTML of a URL': then(encodeURIComponent, (text) => text.replaceAll('%', '&#37;')),
  'URL of HTML': then(symbols(decimal), encodeURIComponent),
  JSON: json,
  'JSON in JSON': then(json, json),
  'JSON, three levels': then(json, json, json),
  'JSON, \\/': (text) => json(text).replaceAll('/', '\\/'),
  'JSON in JSON, \\/': then((text) => json(text).replaceAll('/', '\\/'), json),
  'JSON, \\u for signs': symbols(unit),
  'JSON, \\u for all': all(unit),
  'JSON, \\u for all, upper case': all((char) => `\\u${hex(char, 4).toUpperCase()}`),
  'JSON in JSON, \\u for all': all((char) => `\\${unit(char)}`),
  'JSON of HTML': symbols((char) => `\\u0026#${char.charCodeAt(0)};`),
  'URL of JSON': then(symbols(unit), encodeURIComponent),
  'JSON of a URL': then(encodeURIComponent, all(unit)),
  '\\x for signs': symbols((char) => `\\x${hex(char)}`),
  '\\x for all': all((char) => `\\x${hex(char).toUpperCase()}`),
  'quoted-printable': quotedPrintable,
  'quoted-printable, short lines': (text) => lines(40, '=\r\n')(text.replaceAll('=', '=3D')),
  'quoted-printable, every character': all((char) => `=${hex(char).toUpperCase()}`),
  base64: base64(),
  'base64, 1 byte ahead': base64('u'),
  'base64, 2 bytes ahead': base64('u:'),
  'MIME base64': then(base64('x'.repeat(51)), lines(76, '\r\n')),
  'MIME base64, 1 byte ahead': then(base64('x'.repeat(52)), lines(76, '\r\n')),
  'MIME base64, 2 bytes ahead': then(base64('x'.repeat(53)), lines(76, '\r\n')),
  'PEM base64': then(base64('x'.repeat(30)), lines(64, '\n')),
  base64url: (text) => Buffer.from(`Bearer ${text}`).toString('base64url'),
  'base64 in a URL': then(base64(), encodeURIComponent),
  'base64 in HTML': then(base64(), symbols(decimal)),
  'base64 in JSON': then(base64(), symbols(unit)),
  'base64, quoted-printable': then(base64('x'.repeat(40)), quotedPrintable),
  hexadecimal: (text) => Buffer.from(text).toString('hex'),
  'hexadecimal, upper case': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  'hexadecimal in lines': then((text) => Buffer.from(text).toString('hex'), lines(60, '\n')),
  'without signs': symbols(() => ''),
  'in the other case': (text) => text.toUpperCase(),
};

/** Texts that are not found: only a UUID matches in either case, and a password's punctuation is a part of it. */
const missed: Readonly<Record<string, readonly string[]>> = {
  'without signs': ['password'],
  'in the other case': ['JWT', 'base64 with +/=', 'password'],
};

function scrub(secret: string, text: string, size: number) {
  const filter = new SecretFilter(new SecretSearch(secretForms(secret)));
  const bytes = Buffer.from(text);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size)
    out.push(filter.write(bytes.subarray(at, at + size)));
  return Buffer.concat([...out, filter.end()]).toString();
}

for (const [name, encode] of Object.entries(encodings)) {
  t.test(`finds a secret: ${name}`, (t) => {
    for (const [kind, token] of Object.entries(tokens)) {
      for (const ahead of ['<', '?key=', '%', '\\', '="']) {
        const encoded = encode(token);
        const text = `${ahead}${encoded} and more`;
        const out = scrub(token, text, text.length);
        const isFound = out.includes('[redacted]') && !out.includes(encoded.slice(4, -4));
        t.equal(isFound, missed[name]?.includes(kind) !== true, `${kind} behind ${ahead}`);
        t.equal(scrub(token, text, 1), out, `${kind} behind ${ahead}, byte by byte`);
      }
    }
    t.end();
  });
}

t.test('a number stays a number, so that JSON stays valid', (t) => {
  const [secret, text] = ['123456789012', '{"id":123456789012,"text":"id 123456789012"}'];
  t.strictSame(JSON.parse(scrub(secret, text, text.length)), {
    id: 100000000000,
    text: 'id 100000000000',
  });
  t.end();
});

harmlessJson(t, 1500);
