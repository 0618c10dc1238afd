import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { decodedStart } from '../../../secureproxy/scrub/decoded-start.ts';

const codings = [
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
] as const;

t.test('the start of a body is decoded as far as its bytes tell', async (t) => {
  const text = Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join('');
  for (const [coding, encode] of codings) {
    const encoded = encode(text);
    const start = decodedStart(encoded.subarray(0, encoded.length / 2), {
      'content-encoding': coding,
    });
    t.ok(Number(start?.length) > 4096, coding);
    t.ok(text.startsWith(String(start)), coding);
  }
});

t.test('a bomb is not decoded', async (t) => {
  for (const [coding, encode] of codings) {
    const bomb = encode(Buffer.alloc(1_000_000)).subarray(0, 4096);
    t.equal(decodedStart(bomb, { 'content-encoding': coding }), undefined, coding);
  }
});
