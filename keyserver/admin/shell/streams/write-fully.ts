import { fstatSync, fsyncSync, writeSync } from 'node:fs';

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
