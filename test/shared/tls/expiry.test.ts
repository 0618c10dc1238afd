import t from 'tap';
import { expiryFindings } from '../../../shared/tls/expiry.ts';
import { ExpiryWatch } from '../../../shared/tls/expiry-watch.ts';
import { createAuthority, selfSigned } from '../../support/certificates.ts';
import { capturedLog } from '../../support/log.ts';

const dayMs = 86_400_000;
const notBefore = new Date('2031-01-01T00:00:00Z');
const notAfter = new Date('2031-04-01T00:00:00Z');
const authority = await createAuthority();
const { cert } = await authority.issue({ names: ['keyserver.example'], notBefore, notAfter });
const named = { name: 'TLS_CERT_FILE', pem: cert };
const before = (days: number) => notAfter.getTime() - days * dayMs;

t.test('a certificate is judged by its days left', async (t) => {
  for (const [nowMs, severity, withinDays, words] of [
    [before(31), undefined, undefined, /^$/],
    [before(30), 'warning', 30, /ends on 2031-04-01T00:00:00.000Z, in less than 30 days$/],
    [before(7) - 1, 'warning', 30, /in less than 30 days$/],
    [before(7), 'warning', 7, /in less than 7 days$/],
    [before(1), 'warning', 1, /in less than a day$/],
    [before(0) - 1, 'warning', 1, /in less than a day$/],
    [before(0), 'fault', 0, /^the certificate of TLS_CERT_FILE .* ended on 2031-04-01T00:00:00/],
    [notBefore.getTime() - 1, 'fault', 0, /is not valid before 2031-01-01T00:00:00.000Z$/],
    [notBefore.getTime(), undefined, undefined, /^$/],
  ] as const) {
    const [found] = expiryFindings(named, nowMs);
    t.same(
      [found?.severity, found?.withinDays],
      [severity, withinDays],
      new Date(nowMs).toISOString(),
    );
    t.match(found?.sentence ?? '', words);
  }
});

t.test('each of a chain is looked at, and what is no certificate is passed over', async (t) => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const later = await authority.issue({ notBefore, notAfter: new Date('2032-01-01T00:00:00Z') });
  const findings = expiryFindings({ name: 'X', pem: later.cert + broken + cert }, before(3));
  t.same(
    findings.map(({ withinDays }) => withinDays),
    [7],
  );
  t.same(expiryFindings({ name: 'X', pem: '' }, 0), []);
});

t.test('a certificate with an empty subject is named by its alternative names', async (t) => {
  for (const [alternatives, words] of [
    [[{ type: 'dns', value: 'ks.example' }], '(DNS:ks.example)'],
    [[], '(no subject)'],
  ] as const) {
    const { cert: pem } = await selfSigned({ subject: '', alternatives });
    const log = capturedLog('test');
    const watch = new ExpiryWatch(
      () => [{ name: 'X', pem }],
      { now: () => Date.now() },
      log.logger,
    );
    watch.look();
    t.match(log.lines()[0], { fault: `the certificate of X ${words} ends on` });
  }
});

t.test('certificates that cannot be judged are logged, and end no process', async (t) => {
  const log = capturedLog('test');
  const watch = new ExpiryWatch(
    () => {
      throw new TypeError('made up');
    },
    { now: () => 0 },
    log.logger,
  );
  watch.start();
  watch.stop();
  t.match(log.lines(), [{ level: 'error', msg: 'certificates not judged', err: {} }]);
});

t.test('it is logged at each of the warned days, and once a day', async (t) => {
  const log = capturedLog('test');
  let nowMs = before(40);
  let current = named;
  const watch = new ExpiryWatch(() => [current], { now: () => nowMs }, log.logger);
  for (; nowMs < before(-2); nowMs += dayMs / 24) watch.look();
  const said = log.lines().map(({ level, msg }) => `${level} ${msg}`);
  t.equal(said.filter((one) => one === 'warn certificate ends soon').length, 30);
  t.equal(said.filter((one) => one === 'error certificate not valid').length, 2);
  t.match(log.lines().at(-1), {
    expires_at: notAfter.toISOString(),
    fault: /TLS_CERT_FILE .*CN=keyserver\.example.* ended on/,
  });
  const { cert: renewed } = await authority.issue({
    notBefore,
    notAfter: new Date('2033-01-01T00:00:00Z'),
  });
  current = { ...named, pem: renewed };
  const before2 = log.lines().length;
  for (let i = 0; i < 50; i++, nowMs += dayMs / 24) watch.look();
  t.equal(log.lines().length, before2, 'a renewed one is no longer told');
  for (const one of [named, { ...named, pem: renewed }, named]) {
    current = one;
    watch.look();
  }
  t.equal(log.lines().length, before2 + 2, 'an ended one that comes back is told again at once');
});
