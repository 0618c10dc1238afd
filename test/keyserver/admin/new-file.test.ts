import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeNewFile } from '../../../keyserver/admin/bulk/new-file.ts';

t.test('a new file is there once it is complete, and for its owner alone', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'new');
  const piece = 'x'.repeat(100_000);
  const result = await writeNewFile(path, async (write) => {
    for (let n = 0; n < 7; n += 1) await write(piece);
    t.match(readdirSync(folder), [/^new\.[0-9a-f]{8}\.part$/]);
    return 7;
  });
  t.equal(result, 7);
  t.same(readdirSync(folder), ['new']);
  t.equal(readFileSync(path, 'utf8'), piece.repeat(7));
  t.equal(statSync(path).mode & 0o777, 0o600);
});

t.test('nothing is left of a file that fails', async (t) => {
  const folder = t.testdir({ old: 'old' });
  const failed = { name: 'OutputError', code: 'output_failed' };
  const fill = async (write: (text: string) => Promise<void>) => write('text');
  await t.rejects(writeNewFile(join(folder, 'old'), fill), {
    ...failed,
    message: /exists already$/,
  });
  await t.rejects(writeNewFile(join(folder, 'none', 'new'), fill), {
    ...failed,
    message: /cannot write the file .* \(ENOENT\)$/,
  });
  const bug = new Error('a bug');
  await t.rejects(
    writeNewFile(join(folder, 'new'), () => Promise.reject(bug)),
    bug,
  );
  const overtaken = writeNewFile(join(folder, 'taken'), async (write) => {
    mkdirSync(join(folder, 'taken'));
    writeFileSync(join(folder, 'taken', 'kept'), '');
    await write('text');
  });
  await t.rejects(overtaken, { ...failed, message: /\((?:EISDIR|ENOTEMPTY|EEXIST)\)$/ });
  t.same(readdirSync(folder).sort(), ['old', 'taken']);
  t.equal(readFileSync(join(folder, 'old'), 'utf8'), 'old');
});
