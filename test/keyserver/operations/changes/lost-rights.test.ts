import t from 'tap';
import { describeGrant, lostRights } from '../../../../keyserver/operations/changes/lost-rights.ts';
import type { Grant } from '../../../../shared/policy/schema.ts';

const all: Grant = { client: '*', type: '*' };
const reading: Grant = {
  client: 'shop-*',
  type: 'wildberries',
  methods: ['GET', 'POST'],
  paths: ['/v1/*', '/v2/stocks'],
};

t.test('loses nothing by grants that are as wide', async (t) => {
  t.same(lostRights([reading], [reading]), []);
  t.same(lostRights([reading], [all]), []);
  t.same(lostRights([reading], [{ ...reading, paths: ['/*'] }]), []);
  const apart = reading.methods?.flatMap((method) =>
    (reading.paths ?? []).map((path) => ({ ...reading, methods: [method], paths: [path] })),
  );
  t.same(lostRights([reading], apart ?? []), [], 'spread over several');
  t.same(lostRights([], [reading]), []);
});

t.test('loses the methods and paths that no other grant allows', async (t) => {
  const { client, type } = reading;
  t.same(lostRights([all], []), [all]);
  t.same(lostRights([reading], [{ ...reading, methods: ['GET'] }]), [
    { client, type, methods: ['POST'], paths: ['/v1/*'] },
    { client, type, methods: ['POST'], paths: ['/v2/stocks'] },
  ]);
  t.same(lostRights([reading], [{ ...reading, paths: ['/v1/*'] }]), [
    { client, type, methods: ['GET', 'POST'], paths: ['/v2/stocks'] },
  ]);
  t.same(lostRights([reading], [{ ...reading, client: 'shop-1' }]).length, 2);
  t.same(lostRights([{ client, type }], [reading]), [{ client, type }]);
  t.same(lostRights([{ client, type }], [{ client, type, methods: ['GET'] }]), [
    { client, type, methods: ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
  ]);
});

t.test('compares no grant with all of the others', async (t) => {
  let looks = 0;
  const many = (clientOf: (at: number) => string, pathOf: (at: number) => string) =>
    Array.from({ length: 1000 }, (_, at) => ({
      paths: [pathOf(at)],
      get client() {
        looks += 1;
        return clientOf(at);
      },
      get type() {
        looks += 1;
        return 'wildberries';
      },
    }));
  const ofClients = many(
    (at) => `shop-${at}`,
    () => '/v1',
  );
  const ofPaths = many(
    () => 'shop-*',
    (at) => `/v${at}`,
  );
  for (const grants of [ofClients, ofPaths]) {
    t.equal(lostRights(grants, grants.slice(1)).length, 1);
  }
  t.equal(lostRights(ofClients, [...ofClients.slice(500), all]).length, 0);
  t.ok(looks < 20 * ofClients.length, `${looks} looks`);
});

t.test('describes a grant in a line', async (t) => {
  t.equal(describeGrant(all), 'client *, type *, all methods, all paths');
  t.equal(describeGrant(reading), 'client shop-*, type wildberries, GET POST, /v1/* /v2/stocks');
});
