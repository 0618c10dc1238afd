import t from 'tap';
import { createApp } from '../../../keyserver/operations/callers.ts';
import { checkMigrated, migrateDown } from '../../../keyserver/operations/migrations.ts';
import { install } from '../admin/installation.ts';

const keep = { dropDocuments: false };
const drop = { dropDocuments: true };

t.test(
  'takes a migration back only if nothing is lost with it, or documents at will',
  async (t) => {
    const context = (await install(t)).context(t);
    const { store } = context;
    await createApp(context, 'reports');
    t.equal(await migrateDown(store, keep), '0004_images');
    t.equal(await migrateDown(store, keep), '0003_replicas');
    t.equal(await migrateDown(store, keep), '0002_history', 'which holds no documents');
    await t.rejects(migrateDown(store, keep), {
      code: 'input_invalid',
      suggestion: { do: 'drop_documents' },
    });
    await store.putToken({ clientId: 'shop-1', tokenType: 'x', token: 'y' });
    await t.rejects(migrateDown(store, drop), { code: 'input_invalid', message: /has rows/ });
    t.equal((await store.documents()).length, 1);
    await store.deleteToken('shop-1', 'x');
    t.equal(await migrateDown(store, drop), '0001_initial');
    t.equal(await migrateDown(store, keep), undefined);
    await t.rejects(checkMigrated(store), {
      code: 'migrations_pending',
      suggestion: { do: 'apply_migrations' },
    });
  },
);

t.test("leaves another version's migration alone", async (t) => {
  const admin = await install(t);
  admin.sql("INSERT INTO schema_migrations VALUES ('9999_later', 1, NULL)");
  await t.rejects(migrateDown(admin.context(t).store, drop), {
    code: 'input_invalid',
    message: /9999_later/,
  });
});
