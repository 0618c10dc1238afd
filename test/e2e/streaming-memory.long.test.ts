import t from 'tap';
import { skip, testMemory } from './streamed-memory.ts';

// Four GiB, also on a machine that is busy.
t.setTimeout(600_000);

t.test('a GiB goes through without staying in memory', { skip }, (t) => testMemory(t, 1024 ** 3));
