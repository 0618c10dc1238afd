import t from 'tap';
import { SentChunks } from '../../../secureproxy/receipt/sent-chunks.ts';

const length = 64 * 1024;
const chunk = () => Buffer.alloc(length, 'x');

t.test('frees chunks once no byte of them is read any more', async (t) => {
  const sent = new SentChunks();
  const chunks = [chunk(), chunk(), chunk()] as const;
  const freed = () => chunks.map((one) => one.length === 0);
  sent.add(chunks[0], length);
  sent.add(chunks[1], length + 1);
  t.same(freed(), [false, false, false]);
  sent.add(chunks[2], 2 * length);
  t.same(freed(), [true, false, false]);
  sent.add(Buffer.from('end'), 'end'.length);
  t.same(freed(), [true, true, true]);
});

t.test('leaves what shares its memory', async (t) => {
  const sent = new SentChunks();
  const whole = chunk();
  for (const part of [Buffer.from('pooled'), whole.subarray(1), whole.subarray(0, -1)]) {
    const before = part.toString();
    sent.add(part, 0);
    t.equal(part.toString(), before);
  }
});
