import { hasSubscribers } from 'node:diagnostics_channel';
import { connect } from 'node:net';
import t from 'tap';
import {
  answerCheck,
  boundedSocket,
  maxAnswerBytes,
} from '../../../secureproxy/redis/bounded-answers.ts';

const answers = Buffer.from(
  [
    '+PONG\r\n',
    ':-12\r\n',
    '-ERR *9999 \n\r\n',
    '$4\r\n\r\n*9\r\n',
    '$0\r\n\r\n',
    '$-1\r\n',
    '*-1\r\n',
    '*0\r\n',
    '*3\r\n:1\r\n$3\r\n1.5\r\n$-1\r\n',
    `*999\r\n${':1\r\n'.repeat(999)}`,
    `$16000\r\n${'x'.repeat(16_000)}\r\n`,
  ].join(''),
);
const isBounded = (...pieces: readonly (string | Uint8Array)[]) => {
  const check = answerCheck();
  return pieces.every((piece) => check(Buffer.from(piece)));
};

t.test('takes any number of answers, wherever their bytes are cut', async (t) => {
  t.ok(isBounded(answers, answers, answers));
  const cuts = [...Array(140).keys()];
  t.ok(cuts.every((cut) => isBounded(answers.subarray(0, cut), answers.subarray(cut))));
  t.ok(isBounded(...[...answers].map((byte) => Uint8Array.of(byte))));
});

t.test('refuses what is no answer to a script before its first line ends', async (t) => {
  for (const bytes of [
    'HTTP/1.1 400 Bad Request\r',
    '*1\r\n*1\r',
    '*2\r\n:1\r\n*1\r',
    '*1000\r',
    '*4294967295\r',
    '*1e9\r',
    '*:::\r',
    '*-2\r',
    '*-10\r',
    '*\r',
    '$?\r',
    '$ 1\r',
    '$100000\r',
    '%1\r',
    '~999999\r',
    '>1\r',
    '_\r',
    '\r',
    // The library reads on behind any byte that follows the end of a line.
    '+\rx*1000\r',
    '$1\rxxxx*1000\r',
  ]) {
    t.notOk(isBounded(bytes), bytes);
    t.notOk(isBounded(...bytes), bytes);
  }
});

t.test('refuses an answer that does not end', async (t) => {
  for (const [start, more] of [
    ['+', 'x'],
    ['-', 'x'],
    [':', '1'],
    ['$', '1'],
    ['*', '1'],
    ['$99999\r\n', 'x'],
    ['*999\r\n', '$20\r\nxxxxxxxxxxxxxxxxxxxx\r\n'],
  ] as const) {
    const whole = `${start}${more.repeat(maxAnswerBytes)}`;
    t.ok(isBounded(whole.slice(0, maxAnswerBytes)), start);
    t.notOk(isBounded(whole.slice(0, maxAnswerBytes + 1)), start);
  }
});

t.test('sockets are watched for no longer than it takes to open one', async (t) => {
  const socket = boundedSocket(() => connect(9, '127.0.0.1').on('error', () => undefined));
  socket.destroy();
  t.notOk(hasSubscribers('net.client.socket'));
  t.throws(() => boundedSocket(() => undefined), /opens no socket/);
  t.notOk(hasSubscribers('net.client.socket'));
});
