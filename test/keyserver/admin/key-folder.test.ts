import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
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
  const run = commitDrafts(context, drafts, () => {
    folder.write(keys);
    if (after === 'write') throw stop;
  });
  if (after === 'write') await t.rejects(run, stop);
  else await run;
}

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

    const apply = ['apply', '-f', '-', '--keys-to', 'keys'];
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
