import { pollUntil } from '../../test/support/poll-until.ts';
import { ownOf, type Scene } from './attack.ts';
import { askRelease } from './keyserver.ts';

/** Waits until KeyServer's releases have the `seq` of the database's last change. @throws Error on timeout */
export async function awaitSeq(scene: Scene): Promise<void> {
  const seq = await ownOf(scene).admin.store.lastSeq();
  await pollUntil(
    `change ${seq} at KeyServer`,
    async () => (await askRelease(scene)).seq,
    (seen) => seen === seq,
  );
}
