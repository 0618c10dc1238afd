import t from 'tap';
import { proxyStatus } from '../../../secureproxy/http/proxy-status.ts';
import { isLoop } from '../../../secureproxy/http/via.ts';

const ours = 'secureproxy; received-status=200';

t.test('keeps the members of others before its own', (t) => {
  t.equal(proxyStatus(undefined, 200), ours);
  t.equal(proxyStatus('', 200), ours);
  t.equal(proxyStatus('cdn; error=dns_error', 200), `cdn; error=dns_error, ${ours}`);
  t.equal(proxyStatus('a, ,b,', 200), `a, b, ${ours}`);
  t.equal(proxyStatus(['a', 'b; x=1, c'], 200), `a, b; x=1, c, ${ours}`);
  t.equal(
    proxyStatus('cdn; details="one, secureproxy; two \\" three"', 200),
    `cdn; details="one, secureproxy; two \\" three", ${ours}`,
  );
  t.equal(
    proxyStatus('secureproxy-edge; error=dns_error', 200),
    `secureproxy-edge; error=dns_error, ${ours}`,
  );
  t.end();
});

t.test('drops members that were forged in its name', (t) => {
  for (const forged of [
    'secureproxy; error=dns_error',
    'secureproxy;error=dns_error',
    'SecureProxy; error=dns_error',
    '"secureproxy"; error=dns_error',
    '  secureproxy ; error=dns_error',
    'secureproxy',
    'secureproxy=1',
    'secureproxy; received-status=500, secureproxy; error=x',
    'secureproxy; details="a, b"',
  ]) {
    t.equal(proxyStatus(`${forged}, cdn`, 200), `cdn, ${ours}`, forged);
    t.equal(proxyStatus(['cdn', forged], 200), `cdn, ${ours}`, forged);
  }
  t.end();
});

t.test('drops members that would swallow the next one', (t) => {
  for (const open of [
    'cdn; details="open',
    '"',
    'a; b="c\\"',
    'a "b" "c',
    '"secureproxy; error=x',
  ]) {
    t.equal(proxyStatus(`fine, ${open}`, 200), `fine, ${ours}`, open);
    t.equal(proxyStatus(['fine', open], 200), `fine, ${ours}`, open);
  }
  t.end();
});

t.test('knows its own Via, and no other', (t) => {
  for (const loop of [
    '1.1 secureproxy',
    '1.0 SecureProxy',
    'HTTP/1.1 secureproxy',
    '1.1 cdn, 1.1 secureproxy',
    '1.1 secureproxy (comment)',
    ' 1.1\tsecureproxy ',
    '1.1 \t secureproxy',
  ]) {
    t.ok(isLoop(loop), loop);
    t.ok(isLoop(['1.1 other', loop]), loop);
  }
  for (const other of [
    undefined,
    '',
    '1.1 cdn',
    '1.1 secureproxy-edge',
    'secureproxy',
    '1.1 cdn (secureproxy)',
  ]) {
    t.notOk(isLoop(other), String(other));
  }
  t.end();
});

t.test('a list of open quotes is read in one pass', (t) => {
  t.equal(
    proxyStatus(`a, b="${'\\"'.repeat(500_000)}`, 200),
    'a, secureproxy; received-status=200',
  );
  t.end();
});
