import t from 'tap';
import { expandPreset } from '../../../keyserver/operations/presets/expand.ts';
import { allPresets } from '../../../keyserver/presets/files.ts';
import type { Auth, Preset } from '../../../keyserver/presets/preset.ts';
import type { Injection } from '../../../shared/policy/injection/schema.ts';
import type { Policy, ProbeVerdict } from '../../../shared/policy/schema.ts';
import { createAuthority } from '../../support/certificates.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { loopback, startProxy } from '../../support/proxy.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

/** One pair and one marketplace that has the names of all; only its port is another one. */
const rows = allPresets().flatMap((preset) =>
  preset.auth
    .filter(({ needs = [] }) => !needs.includes('cookies'))
    .map((auth) => ({ preset, auth, name: `${preset.id} by ${auth.id}` })),
);
const ownHost = 'shop-1.myshopify.com';
const hosts = [
  ...new Set(allPresets().flatMap((preset) => preset.hosts.map(({ host }) => host))),
].map((host) => host.replace('{shop}', 'shop-1'));
const fallback: Injection = { scheme: 'headers', headers: { 'X-Own': 'of {token}' } };

const { ca, issue } = await createAuthority();
const identity = await issue({ names: hosts });
const upstream = await startUpstream(t, { identity });
const keyserver = await startKeyserver(t);
const appKey = await keyserver.putApp('orders');
const proxyKey = await keyserver.putProxy('edge');
const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey, ca });

/** The policy of a preset, with the port of the upstream in place of 443. */
function policyOf(preset: Preset, auth: Auth): Policy {
  const isFixed = preset.hosts.some(({ is, host }) => is === 'production' && !host.includes('{'));
  const { policy } = expandPreset(preset, {
    ...{ auth: auth.id, renewedElsewhere: true },
    ...(auth.needs?.some((need) => need !== 'renewal') && { injection: fallback }),
    ...(!isFixed && { destinations: [`https://${ownHost}`] }),
  });
  // An answer of 429 to a probe would hold up the next one.
  const { probe, limits: _, ...members } = policy;
  return {
    ...members,
    destinations: policy.destinations.map(withPort),
    ...(probe && { probe: { ...probe, url: withPort(probe.url) } }),
    unsafeAllowPrivate: loopback,
  };
}

function withPort(url: string): string {
  return url.replace(/^https:\/\/[^/]+/, `$&:${upstream.port}`);
}

/** A secret with every field that the injection may want, each recognizable. */
function secretOf({ fields }: Auth): Record<string, string> {
  const names = [...Object.keys(fields), 'token'];
  return Object.fromEntries(names.map((name) => [name, `made-up-${name}-0f1e2d3c4b5a`]));
}

/** The expansion of a template, computed independently of the product. */
function filled(text: string, secret: Readonly<Record<string, string>>): string {
  return Object.entries(secret).reduce(
    (all, [name, value]) => all.replaceAll(`{${name}}`, value),
    text,
  );
}

/** Header fields and parameters that must arrive. */
function expectedOf(injection: Injection, secret: Readonly<Record<string, string>>) {
  if (injection.scheme === 'basic') {
    const { username, password } = injection;
    const credential = `${filled(username, secret)}:${filled(password, secret)}`;
    return { headers: [['authorization', `Basic ${btoa(credential)}`]], query: [] };
  }
  const pairs = Object.entries(
    injection.scheme === 'headers' ? injection.headers : injection.query,
  ).map(([name, text]) => [name, filled(text, secret)]);
  return injection.scheme === 'headers'
    ? { headers: pairs, query: [] }
    : { headers: [], query: pairs };
}

const as = ['authorization', `Bearer ${appKey}`];
const post = (path: string, body: object) =>
  proxy.send(path, {
    method: 'POST',
    headers: [...as, 'content-type', 'application/json'],
    body: JSON.stringify(body),
  });

for (const { preset, auth, name } of rows) {
  t.test(`${name}: the credential arrives where and as the marketplace wants it`, async (t) => {
    const policy = policyOf(preset, auth);
    const secret = secretOf(auth);
    await keyserver.putType(name, policy);
    await keyserver.putToken('acme', name, secret);
    const expected = expectedOf(policy.injection, secret);
    t.ok(expected.headers.length + expected.query.length > 0);
    const seen = JSON.stringify(expected);
    t.ok(
      Object.entries(secret).some(
        ([field, value]) =>
          !auth.fields[field]?.isPublic && (seen.includes(value) || seen.includes('Basic ')),
      ),
      'a secret is among what arrives',
    );
    for (const destination of policy.destinations) {
      const before = upstream.requests.length;
      const url = `${destination}/some/path?a=1`;
      const { status } = await post('/request_api', {
        ...{ ClientId: 'acme', TokenType: name, ApiUri: url, Method: 'GET' },
      });
      t.equal(status, 200, url);
      const [request, ...others] = upstream.requests.slice(before);
      t.equal(others.length, 0);
      t.same(request?.all('host'), [new URL(destination).host]);
      for (const [header = '', value] of expected.headers) t.same(request?.all(header), [value]);
      const sent = new URL(request?.target ?? '', destination).searchParams;
      t.same([...sent], [['a', '1'], ...expected.query]);
      t.notOk(request?.head.includes(appKey));
    }
    const before = upstream.requests.length;
    const elsewhere = `https://${ownHost}.evil.example:${upstream.port}/`;
    const refused = await post('/request_api', {
      ClientId: 'acme',
      TokenType: name,
      ApiUri: elsewhere,
    });
    t.match(refused.problem, { code: 'destination_denied' });
    t.equal(upstream.requests.length, before);
  });

  const { probe } = preset;
  if (probe === undefined || !(probe.auth?.includes(auth.id) ?? true)) continue;
  t.test(`${name}: the probe tells a token that works from others`, async (t) => {
    const check = async (status: number, body = '{}') => {
      upstream.script((socket) => void socket.write(answer(status, body)));
      const { text } = await post('/check', { ClientId: 'acme', TokenType: name });
      return JSON.parse(text);
    };
    t.teardown(() => upstream.script((socket) => void socket.write(answer(200, 'ok'))));
    const before = upstream.requests.length;
    t.match(await check(200), { verdict: 'valid', status: 200 });
    const request = upstream.requests.slice(before)[0];
    t.equal(request?.method, probe.method);
    t.equal(request?.target.split('?')[0], probe.path);
    t.equal(request?.body.toString(), probe.body ?? '');
    for (const [header, value] of Object.entries(probe.headers ?? {})) {
      t.same(request?.all(header), [value]);
    }
    for (const [status, verdict] of [
      [401, 'revoked'],
      [403, 'wrong_kind'],
      [429, 'limited'],
      [420, 'limited'],
      [500, 'unreachable'],
      [404, 'unclear'],
      [302, 'unclear'],
    ] as const satisfies readonly (readonly [number, ProbeVerdict])[]) {
      const own = probe.meanings?.find((one) => one.status === status && !one.contains);
      t.match(await check(status), { verdict: own?.means ?? verdict, status });
    }
    for (const { status, contains = '', means } of probe.meanings ?? []) {
      t.match(await check(status, `{"message":"${contains}, more"}`), { verdict: means, status });
    }
  });
}
