import t from 'tap';
import { createApp } from '../../../../keyserver/operations/callers.ts';
import { explainCall } from '../../../../keyserver/operations/explain/explain.ts';
import { addGrant } from '../../../../keyserver/operations/grants.ts';
import { putToken } from '../../../../keyserver/operations/tokens.ts';
import { putType } from '../../../../keyserver/operations/types.ts';
import { install } from '../../admin/installation.ts';

t.test('suggests, as data, what lets a rejected call through', async (t) => {
  const context = (await install(t)).context(t);
  await createApp(context, 'reports');
  const call = { app: 'reports', client: 'shop-1', type: 'x', method: 'get' };
  const remedy = async (url = 'https://api.example.com/v1/orders') =>
    (await explainCall(context, { ...call, url })).remedy;
  const grant = { app: 'reports', client: 'shop-1', type: 'x' };

  const definition = { do: 'define_type', type: 'x', origin: 'https://api.example.com' };
  t.same(await remedy(), definition, 'no grant of a type that is not there');
  t.same(await remedy('~api.example.com/v1/orders'), definition);
  t.match(await remedy('/v1/orders'), { do: 'define_type', origin: undefined });
  await addGrant(context, 'reports', { client: 'shop-1', type: 'x', paths: ['/v1/*'] });
  t.same(await remedy(), definition);
  await putType(context, 'x', {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  });
  t.same(await remedy('https://api.example.com/v2'), {
    ...{ do: 'add_grant', ...grant },
    ...{ method: 'GET', path: '/v2' },
  });
  t.same(await remedy('https://api.example.com/v1/..%3Fx'), {
    do: 'grant_every_path',
    ...grant,
    method: 'GET',
  });
  t.same(await remedy('https://other.example/v1/a'), {
    do: 'allow_destination',
    type: 'x',
    origin: 'https://other.example',
  });
  t.same(await remedy(), { do: 'put_token', client: 'shop-1', type: 'x' });
  await putToken(context, { clientId: 'shop-1', tokenType: 'x', fields: { token: 'made-up' } });
  t.equal(await remedy(), undefined);
  t.match(await remedy('https://API.example.com/v1/a'), /spell the URL/);
  await putType(context, 'x', {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
    routedBy: { query: ['action'] },
  });
  t.same(await remedy('https://api.example.com/v1/a?Action[]=b'), { do: 'add_grant', ...grant });
});

t.test('one token in two rows is advised to be put, which leaves one', async (t) => {
  const context = (await install(t)).context(t);
  await createApp(context, 'reports');
  await addGrant(context, 'reports', { client: '*', type: '*' });
  await putType(context, 'x', {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
  });
  const row = { clientId: 'shop-1', tokenType: 'x', token: 'skt1.x' };
  const store = Object.assign(Object.create(context.store), { findTokens: async () => [row, row] });
  const call = { app: 'reports', client: 'shop-1', type: 'x', method: 'GET', url: '/' };
  const { steps, missing, remedy } = await explainCall({ ...context, store }, call);
  t.match(steps.at(-1), { step: 'token', reason: 'duplicate_rows' });
  t.same(
    { missing, remedy },
    {
      missing: undefined,
      remedy: { do: 'put_token', client: 'shop-1', type: 'x' },
    },
  );
});
