import t from 'tap';
import { Scrubber } from '../../../secureproxy/scrub/scrubber.ts';
import { split } from './spellings.ts';

function redact(secret: string, pieces: readonly Buffer[]): string {
  const filter = new Scrubber([secret], []).bodyFilter();
  return Buffer.concat([...pieces.map((piece) => filter.write(piece)), filter.end()]).toString();
}

t.test(
  'a secret that ends like a soft line break is found before blanks, however many',
  async (t) => {
    const secret = 'q7Zt1LxV9mKc3RbW8nPy5A==';
    for (const blanks of [' ', '\n', '\r\n', '\t ']) {
      for (let count = 20; count < 900; count += 40) {
        const text = Buffer.from(`${'x'.repeat(301)} token ${secret}\n${blanks.repeat(count)}end`);
        for (const size of [1, 16, 64, 256, 300, text.length]) {
          const out = redact(secret, split(text, [size]));
          if (out.includes(secret))
            t.fail(`${JSON.stringify(blanks)} × ${count}, pieces of ${size}`);
        }
      }
    }
  },
);

t.test('a secret with a quote is found in JSON within JSON, up to four deep', async (t) => {
  const secret = 'pass"word x?1!yz';
  let text = `hi ${secret} bye`;
  for (let depth = 1; depth <= 4; depth++) {
    text = JSON.stringify(text);
    t.notMatch(redact(secret, [Buffer.from(text)]), 'word x', `${depth} deep`);
  }
});
