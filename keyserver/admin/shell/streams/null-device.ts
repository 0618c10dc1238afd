import { fstatSync, statSync } from 'node:fs';
import { devNull } from 'node:os';

/** Whether all that is written to a descriptor is lost: Node opens the null device for one that is closed, too. */
export function isNullDevice(descriptor: number): boolean {
  const { rdev } = fstatSync(descriptor);
  return rdev !== 0 && rdev === statSync(devNull).rdev;
}
