import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { AddedGrants } from '../../../../keyserver/operations/fleet/added-grants.ts';
import type { Grant } from '../../../../shared/policy/schema.ts';

const one: Grant = { client: 'shop-1', type: 'wildberries', methods: ['GET', 'POST'] };

t.test('takes the first grant that differs in one member, once', async (t) => {
  const others: Grant[] = [
    { ...one, client: 'shop-2', type: 'ozon' },
    { ...one, type: 'ozon' },
    { client: 'shop-1', type: 'wildberries' },
    { ...one, paths: ['/v1/*'], methods: ['POST', 'GET'] },
    { ...one, client: 'shop-3' },
  ];
  const added = new AddedGrants(others);
  const taken = Array.from({ length: 5 }, () => added.takeSimilar(one));
  t.same(taken, [...others.slice(1), undefined]);
  t.same(added.left, others.slice(0, 1));
});

t.test('finds what a comparison with each finds', async (t) => {
  const members = ['client', 'type', 'methods', 'paths'] as const;
  const all = Array.from({ length: 81 }, (_, at): Grant => {
    const [client, type, methods, paths] = [1, 3, 9, 27].map((unit) => Math.floor(at / unit) % 3);
    return {
      ...{ client: `c${client}`, type: `t${type}` },
      ...(methods && { methods: methods === 1 ? ['GET'] : ['GET', 'PUT'] }),
      ...(paths && { paths: [`/v${paths}`] }),
    };
  });
  const isSimilar = (a: Grant, b: Grant) =>
    members.filter((member) => !isDeepStrictEqual(a[member], b[member])).length === 1;
  const left = all.filter((_, at) => at % 2 > 0);
  const added = new AddedGrants(left);
  for (const grant of all.filter((_, at) => at % 2 === 0)) {
    const at = left.findIndex((other) => isSimilar(grant, other));
    t.equal(added.takeSimilar(grant), at < 0 ? undefined : left.splice(at, 1)[0]);
  }
  t.same(added.left, left);
});

t.test('compares no grant with all of the others', async (t) => {
  let looks = 0;
  const many = (prefix: string) =>
    Array.from({ length: 1000 }, (_, at) => ({
      type: prefix,
      get client() {
        looks += 1;
        return `${prefix}-${at}`;
      },
    }));
  const added = new AddedGrants(many('a'));
  for (const grant of many('b')) t.equal(added.takeSimilar(grant), undefined);
  const same = new AddedGrants(Array.from({ length: 1000 }, () => ({ ...one })));
  for (let n = 0; n < 1000; n += 1) same.takeSimilar({ ...one, type: 'ozon' });
  t.same([same.left, looks < 20_000], [[], true]);
});
