import { X509Certificate } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createAuthority } from '../../../local/certificate.ts';
import { type Installation, install, startMs } from './installation.ts';

const dayMs = 86_400_000;
const put = ['type', 'put', 'x', '--destination', 'https://api.example.com', '--ca-file'];

/** CAs whose validity begins with that of the clock of {@link install}. */
async function makeCa(name: string): Promise<string> {
  const { ca } = await createAuthority(name, new Date(startMs));
  return ca;
}

async function installed(t: Test): Promise<{ admin: Installation; write: typeof writeFileSync }> {
  const admin = await install(t);
  return { admin, write: (name, text) => writeFileSync(join(admin.folder, String(name)), text) };
}

/** As OpenSSL writes it (RFC 1421 §4.6): its headers have dashes. */
const encryptedKey = `-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF

AAAA
-----END EC PRIVATE KEY-----
`;

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256.slice(0, 23);

t.test('takes the certificates of a file into the type, and shows whose they are', async (t) => {
  const { admin, write } = await installed(t);
  const [one, two] = [await makeCa('One'), await makeCa('Two')];
  write('bundle.pem', `# from the intranet\r\n${one}\nTwo:\n${two}`);
  const { policy } = await admin.json([...put, 'bundle.pem']);
  t.same(policy.ca.match(/CN |intranet|Two:/), null, 'without the text between them');
  t.equal(policy.ca.match(/BEGIN CERTIFICATE/g).length, 2);
  const named = `CN=One (${fingerprint(one)}); CN=Two (${fingerprint(two)})`;
  t.match((await admin.run(['type', 'show', 'x'])).stdout, `\nca             ${named}\n`);
  t.match((await admin.run(['type', 'list'])).stdout, `  ${named}\n`);
  write('one.pem', one);
  const { stdout } = await admin.run([...put, 'one.pem']);
  t.equal(stdout, `replaced x\n  ca: ${named} -> CN=One (${fingerprint(one)})\n`);
  t.match((await admin.run(put.slice(0, -1))).stdout, '-> not set\n', 'replaced as a whole');
});

t.test('refuses a file of anything else, and changes nothing', async (t) => {
  const { admin, write } = await installed(t);
  const { ca, issue } = await createAuthority('One', new Date(startMs));
  const { privateKey } = await issue(['localhost']);
  const files: readonly (readonly [string, string, RegExp])[] = [
    ['empty.pem', '', /no certificate/],
    ['der.pem', new X509Certificate(ca).raw.toString('latin1'), /no certificate/],
    ['key.pem', privateKey, /only certificates/],
    ['both.pem', ca + privateKey, /only certificates/],
    ['trusted.pem', ca.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'), /only certificates/],
    ['torn.pem', ca.replace(/^[A-Za-z0-9+/]{64}\n/m, ''), /cannot be read/],
    ['cut.pem', ca.slice(0, 200) + ca, /truncated/],
    ['endless.pem', ca + ca.replace('-----END CERTIFICATE-----', ''), /truncated/],
    ['dash.pem', ca.replace('MII', 'M-I') + ca, /truncated/],
    ['encrypted.pem', encryptedKey + ca, /truncated or encrypted/],
    ['long.pem', ca.repeat(80), /ca must not have more than 32768/],
  ];
  for (const [name, text, message] of files) {
    write(name, text);
    const failure = await admin.failure([...put, name]);
    t.match(failure, { exit: 2, code: 'input_invalid', message }, name);
    t.notMatch(failure.message, privateKey.slice(40, 80));
  }
  t.match(await admin.failure([...put, 'none.pem']), { exit: 2, message: /--ca-file.*ENOENT/ });
  write('open.pem', ca);
  chmodSync(join(admin.folder, 'open.pem'), 0o666);
  t.match(await admin.failure([...put, 'open.pem']), { exit: 2, message: /written by others/ });
  t.same(await admin.json(['type', 'list']), []);
});

t.test('refuses a CA that is not valid now, and doctor tells of one that ends', async (t) => {
  const { admin, write } = await installed(t);
  const ca = await makeCa('One');
  write('one.pem', ca);
  const ends = new X509Certificate(ca).validToDate;
  admin.nowMs = ends.getTime() + 1;
  const ended = `the certificate of the type "x" (CN=One) ended on ${ends.toISOString()}`;
  t.match(await admin.failure([...put, 'one.pem']), { exit: 2, message: ended });
  admin.nowMs = startMs - 30 * dayMs;
  t.match(await admin.failure([...put, 'one.pem']), { exit: 2, message: /is not valid before/ });
  admin.nowMs = startMs;
  await admin.json([...put, 'one.pem']);
  const checkAt = async (nowMs: number) => {
    admin.nowMs = nowMs;
    const { stdout } = await admin.run(['doctor', '--json']);
    const { checks } = JSON.parse(stdout);
    return checks.find(({ name }: { name: string }) => name === 'type CAs');
  };
  t.match(await checkAt(startMs - dayMs / 2), { status: 'ok', summary: '1 type', findings: [] });
  t.match(await checkAt(ends.getTime() - 6 * dayMs), {
    status: 'warning',
    findings: [/"x" \(CN=One\) ends on .* less than 7 days/],
  });
  t.match(await checkAt(ends.getTime()), { status: 'fault', findings: [ended] });
});

t.test('explain names the CA that a call needs', async (t) => {
  const { admin, write } = await installed(t);
  write('one.pem', await makeCa('One'));
  await admin.json([...put, 'one.pem']);
  await admin.json(['token', 'put', '--client', 'shop-1', '--type', 'x'], {
    stdin: 'opaque-words',
  });
  await admin.json(['app', 'create', 'reports']);
  await admin.json(['grant', 'add', 'reports', '--client', '*', '--type', 'x']);
  const { stdout } = await admin.run([
    ...['explain', '--app', 'reports', '--client', 'shop-1', '--type', 'x'],
    ...['--url', 'https://api.example.com/'],
  ]);
  t.match(stdout, /\ntype +ok +CA CN=One\n/);
});
