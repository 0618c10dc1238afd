import t from 'tap';
import { AnswerReader, maxAnswerBytes } from '../../../secureproxy/redis/answers.ts';

const answers = [
  ['+PONG\r\n', 'PONG'],
  [':-12\r\n', -12],
  ['$4\r\nö\r\n\r\n', 'ö\r\n'],
  ['$0\r\n\r\n', ''],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['*0\r\n', []],
  ['*3\r\n:1\r\n$3\r\n1.5\r\n$-1\r\n', [1, '1.5', null]],
] as const;
const all = Buffer.from(answers.map(([bytes]) => bytes).join(''));
const values = answers.map(([, value]) => value);

t.test('reads answers, wherever their bytes are cut', async (t) => {
  t.same(new AnswerReader().read(all), values);
  for (let cut = 0; cut <= all.length; cut += 1) {
    const reader = new AnswerReader();
    t.same([...reader.read(all.subarray(0, cut)), ...reader.read(all.subarray(cut))], values);
  }
  const reader = new AnswerReader();
  t.same(
    [...all].flatMap((byte) => reader.read(Buffer.from([byte]))),
    values,
  );
});

t.test('an error is an answer, cut to what a log takes', async (t) => {
  const [error, next] = new AnswerReader().read(Buffer.from(`-ERR ${'x'.repeat(999)}\r\n+OK\r\n`));
  t.match(error, { message: /^Redis says ERR x{196}$/ });
  t.equal(next, 'OK');
});

t.test('refuses what is no answer to a script, at its first bytes', async (t) => {
  for (const bytes of [
    'HTTP/1.1 400 Bad Request\r\n',
    '*1\r\n*1\r\n',
    '*1001\r\n',
    '*4294967295\r\n',
    '*1e9\r\n',
    '*-2\r\n',
    '*\r\n',
    '$?\r\n',
    '$ 1\r\n',
    `$${maxAnswerBytes + 1}\r\n`,
    '%1\r\n',
    '>1\r\n',
    '_\r\n',
    '\r\n',
  ]) {
    t.throws(
      () => new AnswerReader().read(Buffer.from(bytes)),
      { message: /^Redis answers/ },
      bytes,
    );
  }
});

t.test('refuses an answer that does not end', async (t) => {
  for (const [start, more] of [
    ['+', 'x'],
    ['-', 'x'],
    [':', '1'],
    ['$', '1'],
    ['*', '1'],
    ['*1000\r\n', '$20\r\nxxxxxxxxxxxxxxxxxxxx\r\n'],
  ] as const) {
    const reader = new AnswerReader();
    t.same(reader.read(Buffer.from(start)), []);
    const piece = Buffer.from(more.repeat(Math.ceil(100 / more.length)));
    let held = start.length;
    const feed = () => {
      for (; held < 1_000_000; held += piece.length) reader.read(piece);
    };
    t.throws(feed, { message: 'Redis answers without an end' }, start);
    t.ok(held <= maxAnswerBytes, start);
  }
});
