import { answer, type Script } from '../../support/upstream.ts';

/** Path of the one that is never answered. */
export const silent = '/silent';

/** The upstream's treatment of the token, by path. */
const behaviours: Readonly<Record<string, (token: string, socket: Parameters<Script>[0]) => void>> =
  {
    '/ok': (token, socket) => socket.write(answer(200, token)),
    '/error': (token, socket) => socket.write(answer(500, token, [['X-Error', token]])),
    '/refused': (token, socket) => socket.write(answer(401, token, [['WWW-Authenticate', token]])),
    '/reason': (token, socket) => socket.end(`HTTP/1.1 200 ${token}\r\n\r\n`),
    '/redirect': (token, socket) => socket.write(answer(302, '', [['Location', `/?${token}`]])),
    '/cut-short': (token, socket) => socket.end(answer(200, token, [['Content-Length', '9999']])),
    '/no-http': (token, socket) => socket.end(`${token}\r\n\r\n`),
    '/no-header': (token, socket) => socket.end(`HTTP/1.1 200 OK\r\n${token}\x01\r\n\r\n`),
    '/huge-head': (token, socket) =>
      socket.end(`HTTP/1.1 200 OK\r\nX-Long: ${token.repeat(500)}\r\n\r\n`),
    '/two-lengths': (token, socket) =>
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n${token}`),
    '/bad-chunks': (token, socket) =>
      socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${token}\r\n`),
    '/reset': (_token, socket) => void socket.resetAndDestroy(),
    [silent]: () => {},
  };
export const paths = Object.keys(behaviours);

/** Gives the token back in every way there is. */
export const echo: Script = (socket, { target, headers }) => {
  const [path = '', query = ''] = target.split('?');
  const sent = headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? '';
  const basic = sent.startsWith('Basic ') ? Buffer.from(sent.slice(6), 'base64').toString() : '';
  const token = [sent, basic, decodeURIComponent(query)].join(' ');
  behaviours[path]?.(token, socket);
};
