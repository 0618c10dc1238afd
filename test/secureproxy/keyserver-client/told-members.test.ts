import t, { type Test } from 'tap';
import { ToldMembers } from '../../../secureproxy/keyserver-client/told-members.ts';
import { ServiceError } from '../../../shared/errors.ts';
import { testClock } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { startProxy } from '../../support/proxy.ts';

type Members = { readonly pins?: string[]; readonly process?: string };

const answer = { seq: 0, changes: [], ageMs: 0 };
const newer = async (_: Members) => ({ ...answer, takesMore: true });
/** As 0.1.0 answers: a credential has no other members than it knows. */
const older = async (members: Members) => {
  if (Object.keys(members).length > 0)
    throw new ServiceError('request_invalid', { reason: 'credential' });
  return answer;
};

/** Notes what is asked with. */
function setUp(pins: readonly string[] = ['a', 'b']) {
  const clock = testClock();
  const told = new ToldMembers(new Set(pins), clock);
  const asked: (readonly string[] | undefined)[] = [];
  const processes: (string | undefined)[] = [];
  const ask = (keyserver: (members: Members) => ReturnType<typeof newer | typeof older>) =>
    told.tellWith((members) => {
      asked.push(members.pins);
      processes.push(members.process);
      return keyserver(members);
    });
  return { clock, asked, processes, ask };
}

t.test('tells pins once KeyServer has said that it takes them', async (t) => {
  const { asked, ask } = setUp();
  for (let n = 0; n < 3; n++) await ask(newer);
  t.same(asked, [undefined, ['a', 'b'], ['a', 'b']]);
});

t.test('tells that it pins nothing', async (t) => {
  const { asked, ask } = setUp([]);
  for (let n = 0; n < 2; n++) await ask(newer);
  t.same(asked, [undefined, []]);
});

t.test('tells an earlier KeyServer nothing', async (t) => {
  const { asked, ask } = setUp();
  for (let n = 0; n < 3; n++) await ask(older);
  t.same(asked, [undefined, undefined, undefined]);
});

t.test('loses no answer where earlier KeyServers answer in turn with others', async (t) => {
  const { clock, asked, ask } = setUp();
  await ask(newer);
  t.same(await ask(older), answer, 'asked again without pins');
  await ask(newer);
  await ask(newer);
  t.same(asked, [undefined, ['a', 'b'], undefined, undefined, undefined], 'pauses');
  clock.advance(60_000);
  await ask(newer);
  t.same(asked.at(-1), ['a', 'b']);
});

t.test('passes other errors on, and asks once', async (t) => {
  const { asked, ask } = setUp();
  await ask(newer);
  const fault = new ServiceError('keyserver_unavailable', { reason: 'proxy_unknown' });
  await t.rejects(
    ask(() => Promise.reject(fault)),
    { code: fault.code, message: fault.message },
  );
  t.equal(asked.length, 2);
});

t.test('tells no more pins than KeyServer takes, but its process', async (t) => {
  const { processes, asked, ask } = setUp(Array.from({ length: 65 }, (_, n) => `pin-${n}`));
  for (let n = 0; n < 3; n++) await ask(newer);
  t.same(asked, [undefined, undefined, undefined]);
  t.match(processes, [undefined, /^[0-9a-f-]{36}$/, /^[0-9a-f-]{36}$/]);
  t.equal(processes[1], processes[2]);
  const other = setUp();
  for (let n = 0; n < 2; n++) await other.ask(newer);
  t.not(other.processes[1], processes[1], 'each process has an id of its own');
});

/** KeyServer with a proxy that pins as told, after two questions. */
async function rejectedKeys(t: Test, isPinned: boolean) {
  const { rsaKeys, settings } = await startKeyserver(t);
  const { keyId } = rsaKeys.primary;
  const { RSA_KEY_DIR = '' } = settings;
  const keyserver = await startKeyserver(t, { settings: { RSA_KEY_DIR } });
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, {
    ...{ keyserverUrl: keyserver.url, proxyKey },
    settings: isPinned ? { PUBLIC_KEY_PINS: keyId } : {},
  });
  for (let n = 0; n < 2; n++) await proxy.feed.ask();
  return keyserver.registry.proxyPins.rejecting([keyId, 'next']);
}

t.test('KeyServer learns which keys a proxy would reject', async (t) => {
  t.same(await rejectedKeys(t, true), { next: ['edge'] });
  t.same(await rejectedKeys(t, false), {}, 'of one that pins nothing, none');
});
