import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import t from 'tap';
import { CallerHead, headOf } from '../../../secureproxy/http/caller-head.ts';

t.test(
  'requests of a connection share a head only if all names and values are equal',
  async (t) => {
    const socket = new Socket();
    const request = (...rawHeaders: string[]) =>
      Object.assign(new IncomingMessage(socket), { rawHeaders });
    const first = headOf(request('Host', 'h', 'Key', 'a'));
    t.equal(headOf(request('Host', 'h', 'Key', 'a')), first);
    const others = [
      ['Host', 'h', 'Key', 'b'],
      ['Host', 'h', 'key', 'a'],
      ['Key', 'a', 'Host', 'h'],
      ['Host', 'h'],
      ['Host', 'h', 'Key', 'a', 'More', ''],
      [],
    ];
    for (const other of others) {
      headOf(request('Host', 'h', 'Key', 'a'));
      t.same(headOf(request(...other)).raw, other);
    }
    const elsewhere = Object.assign(new IncomingMessage(new Socket()), {
      rawHeaders: ['Host', 'h'],
    });
    headOf(request('Host', 'h'));
    t.not(headOf(elsewhere), headOf(request('Host', 'h')), 'another connection');
  },
);

t.test('what is made of a head is made once, and not kept if it fails', async (t) => {
  const head = new CallerHead(['Key', 'a']);
  let made = 0;
  const count = (raw: readonly string[]) => {
    made += 1;
    return [raw.length, made];
  };
  t.same([head.derive(count), head.derive(count), made], [[2, 1], [2, 1], 1]);
  t.not(
    head.derive((raw) => [raw.length]),
    head.derive((raw) => [raw.length]),
  );
  const [one, other] = [{}, {}];
  t.same(
    [head.derive(count, one), head.derive(count, other), head.derive(count, one)],
    [
      [2, 2],
      [2, 3],
      [2, 2],
    ],
  );
  made = 1;
  const fail = () => {
    made += 1;
    throw new Error('cannot');
  };
  for (const expected of [2, 3]) {
    t.throws(() => head.derive(fail), { message: 'cannot' });
    t.equal(made, expected);
  }
});
