import { pollUntil } from '../../test/support/poll-until.ts';
import { ownOf, type Scene } from './attack.ts';
import { askRelease } from './keyserver.ts';

/** Waits until KeyServer answers by the database's last change, as its releases say. @throws Error where it never does */
export async function awaitSeq(scene: Scene): Promise<void> {
  const seq = await ownOf(scene).admin.store.lastSeq();
  await pollUntil(
    `change ${seq} at KeyServer`,
    async () => (await askRelease(scene)).seq,
    (seen) => seen === seq,
  );
}
