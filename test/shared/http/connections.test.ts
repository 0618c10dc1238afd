import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import t from 'tap';
import { createAuthority } from '../../support/certificates.ts';
import { callHttps } from '../../support/https-call.ts';
import { until } from '../../support/until.ts';
import { startApp } from '../app.ts';

const authority = await createAuthority();
const { cert, key } = await authority.issue();

const call = {
  http: async (origin: string) => (await fetch(`${origin}/held`)).text(),
  https: async (origin: string) => (await callHttps(`${origin}/held`, authority)).text,
};

for (const scheme of ['http', 'https'] as const) {
  t.test(
    `closing an app of ${scheme} ends connections without calls, and those alone`,
    async (t) => {
      const { app } = await startApp(t, scheme === 'https' ? { https: { cert, key } } : {});
      const held: (() => void)[] = [];
      app.get('/held', async () => {
        await new Promise<void>((done) => held.push(done));
        return 'held';
      });
      await app.listen({ host: '127.0.0.1', port: 0 });
      const { port } = app.server.address() as AddressInfo;
      const unused = connect(port, '127.0.0.1');
      await once(unused, 'connect');
      const answered = call[scheme](`${scheme}://localhost:${port}`);
      await until(() => held.length === 1);
      const closed = app.close();
      await once(unused, 'close');
      for (const finish of held) finish();
      t.equal(await answered, 'held');
      await closed;
    },
  );
}
