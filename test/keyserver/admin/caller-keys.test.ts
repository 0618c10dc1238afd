import t from 'tap';
import { callerKeyHash, keyFingerprint } from '../../../shared/crypto/caller-key.ts';
import { install, startMs } from './installation.ts';

const dayMs = 86_400_000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

t.test('an overlap tells when its old key was last used, and ends on demand', async (t) => {
  const admin = await install(t);
  const { store } = admin.context(t);
  for (const kind of ['app', 'proxy']) {
    const { key: old } = await admin.json([kind, 'create', 'one']);
    const rotated = [kind, 'rotate', 'one', '--overlap', '7d'];
    const { key } = await admin.json(rotated);
    const [before, after] = [old, key].map((one) => keyFingerprint(callerKeyHash(one)));
    t.match(await admin.json([kind, 'show', 'one']), {
      id: 'one',
      keys: [
        { fingerprint: before, works: true, expiresAt: String, lastUsed: null },
        { fingerprint: after, works: true, expiresAt: null, lastUsed: null },
      ],
    });
    const use = (day: string) => store.putKeyUses([{ hash: callerKeyHash(old), day }]);
    await use(dayOf(startMs - dayMs));
    const { stdout } = await admin.run([kind, 'show', 'one']);
    t.match(stdout, new RegExp(`^${before} .* until .* ${dayOf(startMs - dayMs)}$`, 'm'));
    t.notMatch(stdout, old);
    const { stdout: found } = await admin.run(['doctor']);
    const end = `keyserver-admin ${kind} end-overlap one`;
    t.match(
      found,
      new RegExp(
        `an old key of the ${kind} "one" works until .*, and was last used on ${dayOf(startMs - dayMs)}; .*: ${end}$`,
        'm',
      ),
    );
    t.match(await admin.failure([kind, 'end-overlap', 'one']), {
      exit: 2,
      code: 'confirmation_required',
      message: new RegExp(`the old key ${before} was last used on ${dayOf(startMs - dayMs)}`),
    });
    t.equal((await admin.json([kind, 'show', 'one'])).keys.length, 2);
    await use(dayOf(startMs - 2 * dayMs));
    t.same(await admin.json([kind, 'end-overlap', 'one']), { id: 'one', ended: 1 });
    t.match(await admin.json([kind, 'show', 'one']), { keys: [{ fingerprint: after }] });
    t.same(await admin.json([kind, 'end-overlap', 'one']), { id: 'one', ended: 0 });
    await admin.json(rotated);
    await store.putKeyUses([{ hash: callerKeyHash(key), day: dayOf(startMs) }]);
    t.equal((await admin.json([kind, 'end-overlap', 'one', '--yes'])).ended, 1);
    t.match(await admin.failure([kind, 'end-overlap', 'two']), { exit: 1, code: 'not_found' });
  }
});

t.test('the only key of a caller is never ended as an overlap', async (t) => {
  const admin = await install(t);
  await admin.json(['app', 'create', 'one']);
  t.same(await admin.json(['app', 'end-overlap', 'one']), { id: 'one', ended: 0 });
  t.equal((await admin.json(['app', 'show', 'one'])).keys.length, 1);
});

t.test('lists the owner of the key that a log names, or tells that it was revoked', async (t) => {
  const admin = await install(t);
  const { store } = admin.context(t);
  for (const kind of ['app', 'proxy']) {
    const { key } = await admin.json([kind, 'create', 'one']);
    await admin.json([kind, 'create', 'two']);
    const hash = callerKeyHash(key);
    const list = [kind, 'list', '--key', keyFingerprint(hash)];
    t.match(await admin.json(list), [{ id: 'one' }]);
    t.equal((await admin.json(list)).length, 1);
    await admin.json([kind, 'rotate', 'one', '--yes']);
    t.match(await admin.failure(list), {
      exit: 1,
      code: 'not_found',
      message: /^no (app|proxy) has the key .*, and no use of it is known: it may be of another/,
    });
    await store.putKeyUses([{ hash, day: dayOf(startMs) }]);
    t.match(
      (await admin.failure(list)).message,
      `; one that was last used on ${dayOf(startMs)} was revoked or replaced since`,
    );
  }
});
