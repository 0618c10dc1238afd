import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sealDocument } from '../../../keyserver/at-rest/document-row.ts';
import { sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { newSession, ticketSession } from '../../support/exchange-client.ts';
import { rsaPem, writeKeyFolder } from '../../support/key-folders.ts';
import { callerKey } from '../../support/keyserver.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { refusal, startScene, wanted } from '../scene.ts';

/** Puts files in place as Kubernetes does: a link to a folder is swapped, to which the files' links lead. */
function mountedSecret(folder: string) {
  mkdirSync(folder, { mode: 0o700 });
  let version = 0;
  return (files: Readonly<Record<string, string | Uint8Array>>) => {
    version += 1;
    const name = `..version_${version}`;
    mkdirSync(join(folder, name), { mode: 0o700 });
    for (const [file, content] of Object.entries(files)) {
      writeFileSync(join(folder, name, file), content, { mode: 0o600 });
      rmSync(join(folder, file), { force: true });
      symlinkSync(join('..data', file), join(folder, file));
    }
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
}

t.test('a running KeyServer loads a new at-rest key, also from a swapped secret', async (t) => {
  const ring = join(t.testdir({}), 'ring');
  const swap = mountedSecret(ring);
  const files = { 'a.key': randomBytes(32), primary: 'a\n' };
  swap(files);
  const scene = await startScene(t, { settings: { KEYRING_DIR: ring } });
  const { keyserver, ask } = scene;
  const poll = () => {
    for (const folder of keyserver.keyFolders) folder.poll();
  };
  const first = await ask();

  const later = randomBytes(32);
  const both = loadKeyring(
    writeKeyFolder(join(t.testdirName, 'other'), { ...files, 'b.key': later }, 'b'),
  );
  const key = makeCallerKey('spk_');
  await keyserver.store.putToken(sealSecret(both, wanted, { fields: { token: 'later' } }));
  await keyserver.store.editDocument('app', 'later', (_row, revision) =>
    sealDocument(both, 'app', 'later', revision, {
      keys: [callerKey(key)],
      grants: [{ client: '*', type: '*' }],
    }),
  );
  await keyserver.refresh();
  const unknown = { ...scene.credential, app: key };
  t.match(refusal(await ask()), { code: 'integrity_failed', reason: 'token_refused' });
  t.match(refusal(await ask({ credential: unknown })), { code: 'caller_unauthenticated' });
  await ask();
  const entries = (msg: string) => keyserver.log().filter((line) => line.msg === msg);
  t.match(entries('at-rest key missing'), [
    { level: 'error', kid: 'b', needed_by: 'documents' },
    { level: 'error', kid: 'b', needed_by: 'rows' },
  ]);
  t.equal(entries('at-rest key missing').length, 2, 'once an hour for each');
  t.match(entries('document refused'), [{ id: 'later', missing_kid: 'b' }]);

  swap({ ...files, 'b.key': later.subarray(1) });
  poll();
  poll();
  t.match(entries('at-rest keys cannot be used: the ones loaded before stay'), [
    { fault: /b\.key has 31 bytes/ },
  ]);
  t.same(keyserver.keyring.kids, ['a']);

  swap({ ...files, 'b.key': later });
  poll();
  t.match(entries('at-rest keys changed: loaded'), [{ primary: 'a', keys: ['a', 'b'] }]);
  await keyserver.refresh();
  t.equal((await ask()).release.fields?.token, 'later');
  t.equal((await ask({ credential: unknown })).status, 200);

  swap({ 'a.key': files['a.key'], 'b.key': later, primary: 'b\n' });
  poll();
  t.equal(keyserver.keyring.primaryKid, 'b');
  t.equal((await ask({}, ticketSession(first))).status, 200, 'a ticket of the key before');
  t.equal((await ask({}, ticketSession(await ask()))).status, 200, 'and one of the new key');
});

t.test('a ticket of a kid that the keyring lacks is told to nobody', async (t) => {
  const { keyserver, ask } = await startScene(t);
  const ticket = ticketSession(await ask());
  const ring = loadKeyring(
    writeKeyFolder(join(t.testdir({}), 'other'), { 'x.key': randomBytes(32) }, 'x'),
  );
  keyserver.keyring.take(ring);
  t.same(refusal(await ask({}, ticket)), { status: 400, code: 'session_invalid' });
  t.same(
    keyserver.log().filter(({ msg }) => msg === 'at-rest key missing'),
    [],
  );
});

t.test(
  'a running KeyServer publishes a new RSA key, and opens sessions of the one before',
  async (t) => {
    const folder = writeKeyFolder(join(t.testdir({}), 'rsa'), {
      'b.pem': rsaPem(),
      'z.pem': rsaPem(),
    });
    const { keyserver, ask } = await startScene(t, { settings: { RSA_KEY_DIR: folder } });
    const published = async () => {
      const answer = await fetch(`${keyserver.url}/public_key`);
      const { keyId = '', public_key = '' } = (await answer.json()) as Record<string, string>;
      return { keyId, public_key, etag: answer.headers.get('etag') };
    };
    const before = await published();
    const { publicKeyPem } = keyserver.rsaKeys.primary;
    writeKeyFolder(folder, { 'a.pem': rsaPem() }, 'a');
    for (const one of keyserver.keyFolders) one.poll();
    const after = await pollUntil(
      'the new key is published',
      published,
      ({ keyId }) => keyId !== before.keyId,
    );
    t.equal(after.etag, `"${after.keyId}"`);
    t.equal((await ask({ keyId: before.keyId }, newSession(publicKeyPem))).status, 200);
    t.equal((await ask({}, newSession(publicKeyPem))).status, 200, 'without an id, too');
    t.equal((await ask({}, newSession(after.public_key))).status, 200);
    const named = await ask({ keyId: after.keyId }, newSession(publicKeyPem));
    t.same(refusal(named), { status: 400, code: 'session_invalid' }, 'an id names one key alone');
  },
);
