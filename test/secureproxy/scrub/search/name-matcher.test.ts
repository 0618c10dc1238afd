import t from 'tap';
import { NameMatcher } from '../../../../secureproxy/scrub/search/name-matcher.ts';

/** Finds a name, and counts the bytes that are read for it. */
function find(text: string) {
  let reads = 0;
  const counting = new Proxy(Buffer.from(text), {
    get(bytes, name) {
      if (name !== 'length') reads += 1;
      return Reflect.get(bytes, name, bytes);
    },
  });
  const at = new NameMatcher(['access_token']).find(counting, 0, text.length);
  return { at, readsPerByte: reads / text.length };
}

t.test('reads rows of backslashes in a few steps a byte', async (t) => {
  const row = '\\'.repeat(10_000);
  t.equal(find(row).at, -1);
  t.ok(find(row).readsPerByte < 10, String(find(row).readsPerByte));
});

t.test('finds a name behind such a row, however it is escaped', async (t) => {
  for (const length of [1, 2, 3, 4, 5, 8, 99]) {
    for (const name of ['access_token', 'u0061ccess_token', 'x61ccess_token']) {
      const text = `"${'\\'.repeat(length)}${name}"`;
      const { at } = find(text);
      t.ok(at > 0 && at <= length + 1, `${text}: ${at}`);
    }
  }
});
