import t from 'tap';
import { skip, testMemory } from './streamed-memory.ts';

t.test('128 MiB go through without staying in memory', { skip }, (t) =>
  testMemory(t, 128 * 1024 ** 2, ['down, in one answer', 'up, forwarded in one body']),
);
