import fs, { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { KeyFolder } from '../../../keyserver/admin/commands/fleet/key-folder.ts';
import { commitDrafts } from '../../../keyserver/operations/changes/drafts.ts';
import { readFleet } from '../../../keyserver/operations/fleet/desired.ts';
import { withKeys } from '../../../keyserver/operations/fleet/keys.ts';
import { planFleet } from '../../../keyserver/operations/fleet/plan.ts';
import { callerKeyHash, keyFingerprint } from '../../../shared/crypto/caller-key.ts';
import { install } from './installation.ts';

const file = 'apps: { reports: { grants: [] } }\nproxies: { dc-1: {} }\n';
const names = ['app-reports.key', 'proxy-dc-1.key'];

/** A run that stops after a step, as a killed one would. */
async function stopped(
  admin: Awaited<ReturnType<typeof install>>,
  context: ReturnType<typeof admin.context>,
  after: 'write' | 'commit',
) {
  const plan = await planFleet(context, readFleet('fleet.yaml', file));
  const { drafts, keys } = withKeys(context, plan);
  const folder = new KeyFolder(admin.folder, 'keys');
  const stop = new Error('stopped');
  const beforeCommit = () => {
    folder.write(keys);
    if (after === 'write') throw stop;
  };
  const run = commitDrafts(context, drafts, { beforeCommit });
  if (after === 'write') await t.rejects(run, stop);
  else await run;
}

const apply = ['apply', '-f', '-', '--keys-to', 'keys'];

for (const after of ['write', 'commit'] as const) {
  t.test(`a run that stopped after its ${after} is finished by the next`, async (t) => {
    const admin = await install(t);
    await stopped(admin, admin.context(t), after);
    const folder = join(admin.folder, 'keys');
    t.same(
      readdirSync(folder).sort(),
      names.map((name) => `${name}.partial`),
    );
    writeFileSync(join(folder, 'app-%zz.key.partial'), 'of somebody else');

    const { keyFiles } = await admin.json(apply, { stdin: file });
    t.same(keyFiles, names);
    t.same(readdirSync(folder).sort(), ['app-%zz.key.partial', ...names]);
    const [{ keys }] = await admin.json(['app', 'list']);
    t.equal(keys.length, 1);
    const key = readFileSync(join(folder, 'app-reports.key'), 'utf8').trimEnd();
    t.equal(keys[0].fingerprint, keyFingerprint(callerKeyHash(key)), 'the key is the one stored');
    t.same((await admin.json(apply, { stdin: file })).keyFiles, []);
  });
}

t.test('a fleet that somebody else changes meanwhile is not applied at all', async (t) => {
  const admin = await install(t);
  const context = admin.context(t);
  const plan = await planFleet(context, readFleet('fleet.yaml', file));
  await admin.json(['proxy', 'create', 'dc-1']);
  await t.rejects(commitDrafts(context, plan.drafts), {
    code: 'changed_meanwhile',
    message: 'somebody else has changed the proxy "dc-1" meanwhile',
  });
  t.same(await admin.json(['app', 'list']), []);
});

/** Lets the file system fail as one does that has no links, or takes no names any more. */
function failing(t: Test, ...names: readonly ('linkSync' | 'renameSync')[]) {
  const originals = names.map((name) => [name, fs[name]] as const);
  const restore = () => {
    Object.assign(fs, Object.fromEntries(originals));
    syncBuiltinESMExports();
  };
  for (const name of names) {
    fs[name] = () => {
      throw Object.assign(new Error(name), { code: 'EPERM', syscall: 'link' });
    };
  }
  syncBuiltinESMExports();
  t.teardown(restore);
  return restore;
}

t.test('names the keys on a file system without links, too', async (t) => {
  const admin = await install(t);
  failing(t, 'linkSync');
  t.same((await admin.json(apply, { stdin: file })).keyFiles, names);
  t.same(readdirSync(join(admin.folder, 'keys')).sort(), names);
});

t.test('tells the result and where the keys are if they cannot be renamed', async (t) => {
  const admin = await install(t);
  const restore = failing(t, 'linkSync', 'renameSync');
  for (const changes of ['+ app reports\n+ proxy dc-1', 'no changes']) {
    const { code, stdout, stderr } = await admin.run(apply, { stdin: file });
    t.equal(code, 74);
    const told = names.map((name) => `new key in keys/${name}.partial\n`).join('');
    t.equal(stdout, `${changes}\n${told}`);
    t.equal(
      stderr,
      'error: cannot rename the file proxy-dc-1.key.partial of the folder that --keys-to names (EPERM)\n  the changes are made, and the key in it is valid: rename it, or run the same command again\n',
    );
  }
  restore();
  t.same((await admin.json(apply, { stdin: file })).keyFiles, names);
});

t.test('says how to go on if the database does not tell whether it committed', async (t) => {
  const admin = await install(t);
  const abort = "CREATE TRIGGER fail BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'x'); END";
  admin.sql(abort);
  t.match(await admin.failure(apply, { stdin: file }), {
    exit: 4,
    code: 'database_unavailable',
    hint: /; the changes may be made all the same: run the same command again with the same --keys-to/,
  });
  admin.sql('DROP TRIGGER fail');
  t.same((await admin.json(apply, { stdin: file })).keyFiles, names);
});

t.test('rejects two keys whose files a file system takes for one', async (t) => {
  const admin = await install(t);
  const folder = new KeyFolder(admin.folder, 'keys');
  const caller = { kind: 'app', id: 'a' } as const;
  const write = () =>
    folder.write([
      { ...caller, key: 'one' },
      { ...caller, key: 'other' },
    ]);
  t.throws(write, { code: 'output_failed', hint: /^nothing was changed/ });
  t.same(readdirSync(join(admin.folder, 'keys')), []);
});
