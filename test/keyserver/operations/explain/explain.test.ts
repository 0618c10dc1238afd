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

  t.same(await remedy(), { do: 'add_grant', ...grant, method: 'GET', path: '/v1/orders' });
  await addGrant(context, 'reports', { client: 'shop-1', type: 'x', paths: ['/v1/*'] });
  t.same(await remedy('https://api.example.com/v1/..%3Fx'), {
    do: 'grant_every_path',
    ...grant,
    method: 'GET',
  });
  t.same(await remedy(), { do: 'define_type', type: 'x', origin: 'https://api.example.com' });
  await putType(context, 'x', {
    destinations: ['https://api.example.com'],
    injection: { scheme: 'headers', headers: { Authorization: '{token}' } },
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
