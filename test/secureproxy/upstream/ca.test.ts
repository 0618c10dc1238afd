import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { putType } from '../../../keyserver/operations/types.ts';
import { createAuthority } from '../../../local/certificate.ts';
import { startPair } from '../../support/pair.ts';
import { plainPolicy, tokenType } from '../../support/pair-state.ts';
import { startUpstream } from '../../support/upstream.ts';

t.test('UPSTREAM_CA_FILE adds a CA to those that are trusted without it', async (t) => {
  /** A CA, and the origin of a server with a certificate of it. */
  const setUp = async (name: string) => {
    const { ca, issue } = await createAuthority(name, new Date());
    const { certificate, privateKey } = await issue(['127.0.0.1']);
    const identity = { cert: certificate, key: privateKey };
    const { port } = await startUpstream(t, { identity });
    return { ca, origin: `https://127.0.0.1:${port}` };
  };
  const [added, known, stranger] = [
    await setUp('Added'),
    await setUp('Known'),
    await setUp('Other'),
  ];
  const pair = await startPair(t, {
    upstream: added.origin,
    prepare: ({ admin, folder }) => {
      writeFileSync(join(folder, 'added.pem'), added.ca);
      writeFileSync(join(folder, 'known.pem'), known.ca);
      return putType(admin, tokenType, {
        ...plainPolicy(added.origin),
        destinations: [added.origin, known.origin, stranger.origin],
      });
    },
    secureproxy: {
      UPSTREAM_CA_FILE: join(t.testdirName, 'added.pem'),
      // A CA that the process knows as it knows the public ones.
      NODE_EXTRA_CA_CERTS: join(t.testdirName, 'known.pem'),
    },
  });
  const statusOf = async (origin: string) => (await pair.call({ ApiUri: `${origin}/` })).status;
  t.equal(await statusOf(added.origin), 200, 'of the CA in the file');
  t.equal(await statusOf(known.origin), 200, 'of a CA that is known anyway');
  t.equal(await statusOf(stranger.origin), 502, 'of another');
});
