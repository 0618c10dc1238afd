import t from 'tap';
import { limitBodyObserver } from '../../../secureproxy/limits/limit-bodies.ts';

t.test('a body is decoded no more once enough of it is, or if it is a bomb', async (t) => {
  for (const [decoded, times] of [
    [Buffer.alloc(4096), 1],
    [undefined, 1],
    [Buffer.alloc(4095), 4096],
  ] as const) {
    let decodings = 0;
    const decode = () => {
      decodings += 1;
      return decoded;
    };
    const bodies = [{ status: 200, contains: 'text' }];
    const observe = limitBodyObserver({ bodies }, 200, decode, () => t.fail('found'));
    for (let at = 0; at < 5000; at++) observe?.(Buffer.from('x'));
    t.equal(decodings, times);
  }
});
