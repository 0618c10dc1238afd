import type { Attack, Scene } from '../scene/attack.ts';
import { ownOf } from '../scene/attack.ts';
import { refused } from '../scene/judge.ts';
import { call, describe } from '../scene/wire.ts';

const denied = ['destination_denied', 'request_invalid', 'grant_denied'];

/** Makes a URL from the destination's host and port. */
type Spelling = (host: string, port: string) => string;

/** Other hosts, and other spellings of the right one. None is the destination's origin as it is stored. */
const spellings: Readonly<Record<string, Spelling>> = {
  'another host': () => 'https://evil.example/',
  'another port': (host) => `https://${host}:1/`,
  'no port': (host) => `https://${host}/`,
  'plain http': (host, port) => `http://${host}:${port}/`,
  'a leading zero in the port': (host, port) => `https://${host}:0${port}/`,
  'a port past 65535': (host, port) => `https://${host}:${Number(port) + 65_536}/`,
  'upper-case letters': (host, port) => `https://${host.toUpperCase()}:${port}/`,
  'an upper-case scheme': (host, port) => `HTTPS://${host}:${port}/`,
  'a trailing dot': (host, port) => `https://${host}.:${port}/`,
  'two trailing dots': (host, port) => `https://${host}..:${port}/`,
  'a suffix': (host, port) => `https://${host}.evil.example:${port}/`,
  'a prefix': (host, port) => `https://evil${host}:${port}/`,
  'a label in front': (host, port) => `https://api.${host}:${port}/`,
  'a user name': (host, port) => `https://user@${host}:${port}/`,
  'a user name and password': (host, port) => `https://user:pass@${host}:${port}/`,
  'the host as user name': (host, port) => `https://${host}:${port}@evil.example/`,
  'the host as user name, encoded': (host, port) => `https://${host}%3a${port}@evil.example/`,
  'an empty user name': (host, port) => `https://@${host}:${port}/`,
  'a fragment': (host, port) => `https://${host}:${port}/#part`,
  'a fragment before the host': (host, port) => `https://evil.example#@${host}:${port}/`,
  'a question mark before the host': (host, port) => `https://evil.example?@${host}:${port}/`,
  'a backslash before the host': (host, port) => `https://evil.example\\@${host}:${port}/`,
  'a backslash after the host': (host, port) => `https://${host}:${port}\\@evil.example/`,
  'backslashes for slashes': (host, port) => `https:\\\\${host}:${port}\\`,
  'three slashes': (host, port) => `https:///${host}:${port}/`,
  'one slash': (host, port) => `https:/${host}:${port}/`,
  'no slashes': (host, port) => `https:${host}:${port}/`,
  'no scheme': (host, port) => `//${host}:${port}/`,
  'a scheme-relative path': (host, port) => `///${host}:${port}/`,
  'a tab in the host': (host, port) => `https://mar\tket${host.slice(6)}:${port}/`,
  'a line break in the host': (host, port) => `https://mar\nket${host.slice(6)}:${port}/`,
  'a NUL in the path': (host, port) => `https://${host}:${port}/\u0000`,
  'a line break in the path': (host, port) => `https://${host}:${port}/a\r\nX-Evil: 1`,
  'a space in front': (host, port) => ` https://${host}:${port}/`,
  'full-width letters': (host, port) => `https://ｍ${host.slice(1)}:${port}/`,
  'a soft hyphen': (host, port) => `https://mar\u00adket${host.slice(6)}:${port}/`,
  'an ideographic full stop': (host, port) => `https://${host.replace('.', '。')}:${port}/`,
  'a Cyrillic look-alike': (host, port) => `https://${host.replace('a', 'а')}:${port}/`,
  'an encoded letter in the host': (host, port) => `https://%6d${host.slice(1)}:${port}/`,
  'an encoded dot in the host': (host, port) => `https://${host.replace('.', '%2e')}:${port}/`,
  'a zone in brackets': (_host, port) => `https://[fe80::1%25eth0]:${port}/`,
  'dot segments': (host, port) => `https://${host}:${port}/a/../b`,
  'an encoded dot segment': (host, port) => `https://${host}:${port}/a/%2e%2E/b`,
  'a half-encoded dot segment': (host, port) => `https://${host}:${port}/a/.%2e/b`,
  'a single dot segment': (host, port) => `https://${host}:${port}/./a`,
  'a lone surrogate': (host, port) => `https://${host}:${port}/\ud800`,
  'file:': () => 'file:///etc/passwd',
  'ftp:': (host, port) => `ftp://${host}:${port}/`,
  'javascript:': () => 'javascript:fetch(1)',
  'data:': () => 'data:text/plain,x',
  'blob:': (host, port) => `blob:https://${host}:${port}/`,
  'ws:': (host, port) => `wss://${host}:${port}/`,
  'gopher:': (host, port) => `gopher://${host}:${port}/`,
  'an empty text': () => '',
  'a URL of 100,000 characters': (host, port) => `https://${host}:${port}/${'a'.repeat(100_000)}`,
};

const placeOf = ({ origin }: Scene) => new URL(origin);

const spellingAttacks = Object.entries(spellings).map(
  ([name, spell]): Attack => ({
    class: 'url',
    name: `ApiUri with ${name}`,
    run: (scene) => {
      const { hostname, port } = placeOf(scene);
      return refused(scene, denied, { ApiUri: spell(hostname, port) });
    },
  }),
);

/** Paths that try to leave the destination `…/allowed`. */
const escapes: Readonly<Record<string, string>> = {
  'another path': '/other',
  'the prefix as part of a name': '/allowedish',
  'an upper-case prefix': '/ALLOWED/x',
  'dot segments': '/allowed/../other',
  'encoded dot segments': '/allowed/%2e%2e/other',
  'an encoded slash': '/allowed%2f..%2fother',
  'an encoded slash behind the prefix': '/allowed/..%2fother',
  'an encoded backslash': '/allowed/..%5cother',
  'a doubly encoded dot segment': '/allowed/%252e%252e/other',
  'a path parameter': '/allowed/..;/other',
  'two slashes': '//allowed/x',
  'two slashes, one encoded': '/%2fallowed/x',
  'the prefix with an encoded slash behind': '/allowed%2fx',
  'the prefix with a path parameter': '/allowed;x/y',
  'a dot segment before a question mark': '/allowed/..%3Fx',
  'a dot segment before a number sign': '/allowed/..%23',
  'a dot segment with a blank': '/allowed/..%20/other',
  'a dot segment with a wide slash': '/allowed/..%ef%bc%8fother',
  'a dot segment encoded in parts': '/allowed/%2%65%2%65/other',
  'an overlong dot segment': '/allowed/%c0%ae%c0%ae/other',
  'a dot segment in UTF-16': '/allowed/%u002e%u002e/other',
  'a NUL behind a dot segment': '/allowed/..%00/other',
};

const escapeAttacks = Object.entries(escapes).map(
  ([name, path]): Attack => ({
    class: 'url',
    name: `out of an allowed path: ${name}`,
    ownOnly: true,
    run: (scene) => refused(scene, denied, { TokenType: 'paths', ApiUri: scene.origin + path }),
  }),
);

/** Held if what arrives outside of the destination has no token. */
const plainAttacks = Object.entries(escapes).map(
  ([name, path]): Attack => ({
    class: 'url',
    name: `the token to a plain destination: ${name}`,
    ownOnly: true,
    run: async (scene) => {
      const before = scene.upstream.requests.length;
      const answer = await call(scene, { TokenType: 'links', ApiUri: scene.origin + path });
      const came = scene.upstream.requests.slice(before);
      return {
        held: came.every(({ head }) => !head.includes(scene.token)),
        happened: `${describe(answer)}, ${came.length} arrived`,
      };
    },
  }),
);

/** Hosts that `*.market.example` does not match. */
const beside: Readonly<Record<string, string>> = {
  'its apex': 'market.example',
  'two labels': 'a.b.market.example',
  'an empty label': '.market.example',
  'a suffix of another name': 'evilmarket.example',
  'another name behind': 'a.market.example.evil.example',
};

const wildcardAttacks = Object.entries(beside).map(
  ([name, host]): Attack => ({
    class: 'url',
    name: `a wildcard's ${name}`,
    ownOnly: true,
    run: (scene) => {
      const { names, port } = ownOf(scene);
      names.answer(host, ['127.0.0.2']);
      return refused(scene, denied, { TokenType: 'wild', ApiUri: `https://${host}:${port}/` });
    },
  }),
);

export const urlAttacks: readonly Attack[] = [
  ...spellingAttacks,
  ...escapeAttacks,
  ...plainAttacks,
  ...wildcardAttacks,
  {
    class: 'url',
    name: 'a type without destinations',
    ownOnly: true,
    run: (scene) => refused(scene, denied, { TokenType: 'nowhere' }),
  },
  ...['CONNECT', 'TRACE', 'get', 'GET /x HTTP/1.1\r\nX:', 'PROPFIND'].map(
    (Method): Attack => ({
      class: 'url',
      name: `the method ${JSON.stringify(Method)}`,
      run: (scene) => refused(scene, ['request_invalid'], { Method }),
    }),
  ),
];
