import { fstatSync, fsyncSync, statSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';

/** How long to wait for a pipe that is full and does not block; milliseconds. */
const pipeWaitMs = 5;

/**
 * Writes the whole text to a descriptor before it returns; a regular file is flushed, since a full
 * network disk may say so only then. @throws the system's error
 */
export function writeFully(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSome(descriptor, bytes, at);
  if (fstatSync(descriptor).isFile()) fsyncSync(descriptor);
}

function writeSome(descriptor: number, bytes: Buffer, at: number): number {
  try {
    return writeSync(descriptor, bytes, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pipeWaitMs);
    return 0;
  }
}

/** Whether all that is written to a descriptor is lost: Node opens the null device for one that is closed, too. */
export function isNullDevice(descriptor: number): boolean {
  const { rdev } = fstatSync(descriptor);
  return rdev !== 0 && rdev === statSync(devNull).rdev;
}
