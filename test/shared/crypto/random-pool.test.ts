import t from 'tap';
import { pooledRandom } from '../../../shared/crypto/random-pool.ts';

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
