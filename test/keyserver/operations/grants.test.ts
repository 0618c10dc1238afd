import t from 'tap';
import { createApp } from '../../../keyserver/operations/callers.ts';
import { removeGrant } from '../../../keyserver/operations/grants.ts';
import { install } from '../admin/installation.ts';

t.test('changes nothing if the grant to remove is not there', async (t) => {
  const admin = await install(t);
  const context = admin.context(t);
  await createApp(context, 'orders');
  const before = await context.store.lastSeq();
  await t.rejects(removeGrant(context, 'orders', 'no such grant'), { code: 'not_found' });
  t.equal(await context.store.lastSeq(), before, 'no proxy is told of a change');
});
