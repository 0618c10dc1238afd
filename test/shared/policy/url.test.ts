import fc from 'fast-check';
import t, { type Test } from 'tap';
import { parseTargetUrl } from '../../../shared/policy/url.ts';
import { hostileUrls } from './hostile-urls.ts';

/** ASCII only: some line ends of Unicode would break the report of the test itself. */
function shown(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function refused(t: Test, reason: string, urls: readonly string[]): void {
  for (const url of urls) {
    const verdict = parseTargetUrl(url);
    const said = verdict.allowed ? `allowed as ${verdict.value.href}` : verdict.reason;
    t.equal(said, reason, shown(url));
    t.equal(verdict.allowed ? '' : verdict.code, 'destination_denied');
  }
  t.end();
}

function sentAs(t: Test, spellings: Readonly<Record<string, string>>): void {
  for (const [url, href] of Object.entries(spellings)) {
    const verdict = parseTargetUrl(url);
    t.equal(verdict.allowed ? verdict.value.href : verdict.reason, href, url);
  }
  t.end();
}

t.test('takes ordinary URLs as they are', (t) =>
  sentAs(t, {
    'https://api.example/': 'https://api.example/',
    'https://api.example': 'https://api.example/',
    'https://api.example?a=1': 'https://api.example/?a=1',
    'https://api.example:8443/v1/orders?a=1&a=2&b': 'https://api.example:8443/v1/orders?a=1&a=2&b',
    'http://api.example:443/': 'http://api.example:443/',
    'https://127.0.0.1/': 'https://127.0.0.1/',
    'https://[::1]:8443/': 'https://[::1]:8443/',
    'https://xn--e1afmkfd.xn--p1ai/': 'https://xn--e1afmkfd.xn--p1ai/',
    'https://api.example/@name/a:b': 'https://api.example/@name/a:b',
    'https://api.example/?url=https://other.example/..':
      'https://api.example/?url=https://other.example/..',
    'https://api.example/.well-known/...': 'https://api.example/.well-known/...',
  }),
);

t.test('percent-encodes letters and spaces in path and query as a browser does', (t) =>
  sentAs(t, {
    'https://api.example/товар': 'https://api.example/%D1%82%D0%BE%D0%B2%D0%B0%D1%80',
    'https://api.example/?q=красный чай':
      'https://api.example/?q=%D0%BA%D1%80%D0%B0%D1%81%D0%BD%D1%8B%D0%B9%20%D1%87%D0%B0%D0%B9',
    'https://api.example/a b?c="d"': 'https://api.example/a%20b?c=%22d%22',
    'https://api.example/%d1%82?q=%7E': 'https://api.example/%d1%82?q=%7E',
    'https://api.example/😀': 'https://api.example/%F0%9F%98%80',
  }),
);

t.test('refuses other spellings of an address', (t) =>
  refused(t, 'url_authority_spelling', [
    'https://127.1/',
    'https://0x7f.1/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://2130706433/',
    'https://127.0.0.1./',
    'https://127.0.0.01/',
    'https://１２７.0.0.1/',
    'https://127。0。0。1/',
    'https://①②⑦.0.0.1/',
    'https://%31%32%37.0.0.1/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::127.0.0.1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::FFFF:7f00:1]/',
  ]),
);

t.test('refuses a scheme, host or port that is not spelled as the serializer spells it', (t) =>
  refused(t, 'url_authority_spelling', [
    'HTTPS://api.example/',
    'https://API.example/',
    'https://пример.example/',
    'https://api。example/',
    'https://api%2eexample/',
    'https://ap\u00adi.example/',
    'https://ａpi.example/',
    'https://api.example:443/',
    'https://api.example:0443/',
    'https://api.example:08443/',
    'https://api.example:/',
    'http://api.example:80/',
    'https:/api.example/',
    'https:api.example/',
    'https:///api.example/',
  ]),
);

t.test('refuses userinfo, also where it looks like the allowed host', (t) =>
  refused(t, 'url_authority_spelling', [
    'https://user@api.example/',
    'https://user:password@api.example/',
    'https://@api.example/',
    'https://:@api.example/',
    'https://api.example@evil.example/',
    'https://api.example:443@evil.example/',
    'https://evil.example@evil.example/',
    'https://api.example%2F@evil.example/',
  ]),
);

t.test('refuses a trailing dot of the host', (t) =>
  refused(t, 'url_trailing_dot', [
    'https://api.example./',
    'https://api.example.:8443/',
    'https://localhost.',
  ]),
);

t.test('refuses backslashes anywhere', (t) =>
  refused(t, 'url_backslash', [
    'https:\\\\api.example/',
    'https://api.example\\@evil.example/',
    'https://evil.example\\.api.example/',
    'https://api.example/v1\\..\\admin',
    'https://api.example/?a=\\',
  ]),
);

t.test('refuses control characters, which parsers drop or break lines at', (t) =>
  refused(t, 'url_control_character', [
    'https://api.exa\tmple/',
    'https://api.exa\nmple/',
    'https://api.exa\rmple/',
    'ht\ttps://api.example/',
    'https://api.example/v1/.\t./admin',
    'https://api.example/v1/.\n/',
    'https://api.example/\r\nX-Injected: 1',
    'https://api.example/\0',
    '\u0001https://api.example/',
    'https://api.example/\u007f',
    'https://api.example/\u0085',
    'https://api.example/?a=\u2028',
    'https://api.example/\n',
  ]),
);

t.test('refuses white space around the URL, which parsers trim', (t) =>
  refused(t, 'url_space_around', [
    ' https://api.example/',
    'https://api.example/ ',
    '\u00a0https://api.example/',
    '\ufeffhttps://api.example/',
    'https://api.example/?q=\u3000',
  ]),
);

t.test('refuses lone surrogates, which would be sent as something else', (t) =>
  refused(t, 'url_not_unicode', [
    'https://api.example/\ud800',
    'https://api.example/?q=\udc00a',
    'https://api\ud800.example/',
  ]),
);

t.test('refuses fragments', (t) =>
  refused(t, 'url_fragment', [
    'https://api.example/#a',
    'https://api.example#',
    'https://evil.example#@api.example/',
  ]),
);

t.test('refuses dot segments, plain and encoded', (t) =>
  refused(t, 'url_dot_segment', [
    'https://api.example/.',
    'https://api.example/..',
    'https://api.example/v1/../admin',
    'https://api.example/v1/./orders',
    'https://api.example/v1/..?a=1',
    'https://api.example/v1/%2e%2e/admin',
    'https://api.example/v1/%2E./admin',
    'https://api.example/v1/.%2e',
    'https://api.example/v1/%2e',
  ]),
);

t.test('refuses every scheme but https and http', (t) =>
  refused(t, 'url_scheme', [
    'ftp://api.example/',
    'ws://api.example/',
    'wss://api.example/',
    'file:///etc/passwd',
    'data:text/plain,a',
    'javascript:alert(1)',
    'blob:https://api.example/',
    'unix:/run/socket',
    'http+unix://api.example/',
    'https+x://api.example/',
  ]),
);

t.test('refuses what is no absolute URL', (t) =>
  refused(t, 'url_unparsable', [
    '',
    '/v1/orders',
    '//api.example/',
    'api.example/v1',
    'https://',
    'https://?a=1',
    'https://api example/',
    'https://api.example:65536/',
    'https://api.example:-1/',
    'https://[::1/',
    'https://[fe80::1%25eth0]/',
    'https://256.256.256.256/',
    'https://a^b.example/',
    'https://*:x/',
  ]),
);

t.test('sends the very string that was judged, whatever the caller wrote', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(hostileUrls, (text) => {
      const verdict = parseTargetUrl(text);
      if (!verdict.allowed) return;
      accepted += 1;
      const { href, origin, pathname, search } = verdict.value;
      const again = parseTargetUrl(href);
      const authority = /^https?:\/\/[^/?#\\@]*/.exec(text)?.[0];
      const path = text.slice(origin.length).split('?', 1)[0] ?? '';
      if (!text.startsWith(origin)) throw new Error('the text does not start with the origin');
      if (authority !== origin) throw new Error(`a simpler parser finds ${authority}`);
      // An empty query shows in the href alone.
      const query = search || (href.endsWith('?') ? '?' : '');
      if (href !== origin + pathname + query) throw new Error('something else is in the href');
      if (!again.allowed || again.value.href !== href)
        throw new Error('the href reads differently');
      if (pathname.split('/').length !== (path || '/').split('/').length) {
        throw new Error('the path has other segments than were written');
      }
    }),
    { numRuns: 3000 },
  );
  t.ok(accepted > 100, `${accepted} of the strings were accepted`);
  t.end();
});
