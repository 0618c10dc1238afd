import t from 'tap';
import { Compile } from 'typebox/compile';
import { defaultInjection } from '../../../shared/policy/injection/schema.ts';
import { PolicySchema, TargetSchema } from '../../../shared/policy/schema.ts';

const policies = Compile(PolicySchema);
const targets = Compile(TargetSchema);
const base = { destinations: ['https://api.example'], injection: defaultInjection };

t.test('a policy has limits', async (t) => {
  const within = {
    cacheSeconds: [0, 300],
    ca: ['x', 'x'.repeat(32_768)],
    redactMembers: [['ab'], ['x'.repeat(256)]],
    limits: [['50/s'], ['x'.repeat(2048)], Array(32).fill('x')],
    limitSignal: [
      {},
      { statuses: [200, 599], maxSeconds: 86_400 },
      { bodies: [{ status: 200, contains: 'x'.repeat(256) }] },
    ],
  };
  const beyond = {
    cacheSeconds: [-1, 301],
    ca: ['', 'x'.repeat(32_769)],
    redactMembers: [['a'], ['x'.repeat(257)], []],
    limits: [[], [''], ['x'.repeat(2049)], Array(33).fill('x')],
    limitSignal: [
      { statuses: [] },
      { statuses: [199] },
      { maxSeconds: 0 },
      { maxSeconds: 86_401 },
      { bodies: [] },
      { bodies: [{ status: 200 }] },
      { bodies: [{ status: 200, contains: '' }] },
      { more: 1 },
    ],
  };
  for (const [member, values] of Object.entries(within)) {
    for (const value of values) t.ok(policies.Check({ ...base, [member]: value }), member);
  }
  for (const [member, values] of Object.entries(beyond)) {
    for (const value of values) t.notOk(policies.Check({ ...base, [member]: value }), member);
  }
});

t.test('the URL of a target has at most 65536 characters', async (t) => {
  t.ok(targets.Check({ method: 'GET', url: 'x'.repeat(65_536) }));
  t.notOk(targets.Check({ method: 'GET', url: 'x'.repeat(65_537) }));
});
