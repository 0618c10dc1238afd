/** A process that migrates the store whose settings it is sent, and sends back what it applied. */
import { openStore } from '../../../../keyserver/store/open.ts';

process.once('message', async (config: Parameters<typeof openStore>[0]) => {
  const store = openStore(config);
  process.send?.(await store.migrate());
  await store.close();
  process.disconnect();
});
