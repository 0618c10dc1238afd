import t from 'tap';
import { pooledHex, pooledRandom } from '../../../shared/crypto/random-pool.ts';

t.test('no bytes are drawn twice, and what was drawn stays as it is', async (t) => {
  const drawn = Array.from({ length: 2000 }, () => pooledRandom(12));
  const texts = drawn.map((bytes) => bytes.toString('hex'));
  t.equal(new Set(texts).size, drawn.length);
  t.same(
    drawn.map((bytes) => bytes.length),
    texts.map(() => 12),
  );
  pooledRandom(4096);
  t.same(
    drawn.map((bytes) => bytes.toString('hex')),
    texts,
  );
});

t.test('what was drawn shares no byte with what is drawn later', async (t) => {
  const first = pooledRandom(16);
  const next = pooledRandom(16);
  const before = next.toString('hex');
  first.fill(0);
  t.equal(next.toString('hex'), before);
});

t.test('sizes go over the end of what was filled', async (t) => {
  for (const bytes of [4096, 1, 4095, 4096, 12]) t.equal(pooledRandom(bytes).length, bytes);
  t.throws(() => pooledRandom(4097), RangeError);
});

t.test('digits are drawn as many as asked for, and none twice', async (t) => {
  // Over the ends of several pools.
  const drawn = Array.from({ length: 2000 }, () => [pooledHex(16), pooledHex(32)]).flat();
  t.ok(drawn.every((digits, at) => /^[0-9a-f]+$/.test(digits) && digits.length === 16 << (at % 2)));
  t.equal(new Set(drawn.flatMap((digits) => digits.match(/.{16}/g))).size, 6000);
  // One in sixteen by chance.
  const joints = drawn.filter((digits, at) => digits[0] === drawn[at - 1]?.at(-1));
  t.ok(joints.length < 1000);
});
