import { lstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

const others = 0o007;
const othersWrite = 0o002;
/** In such a folder others can make files, but neither rename nor remove those of somebody else. */
const sticky = 0o1000;

/**
 * Says why a file is unsafe for a secret: it is a folder, or users outside its group can read or change it. Undefined
 * if it is safe, missing, or a pipe or a device.
 */
export function secretFileFault(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  // Advice to close a shared folder, or a device such as /dev/null, to others would do harm.
  if (found?.isDirectory()) return `${file} is a folder`;
  return !found?.isFile() || (found.mode & others) === 0
    ? undefined
    : `${file} can be read by others: run chmod o-rwx on it`;
}

/** Why a path is no file that can be read at any time: reading a pipe may never end, and all else would wait for it. */
export function kindFault(path: string): string | undefined {
  return kindFaultOf(path, statSync(path));
}

function kindFaultOf(path: string, found: Stats): string | undefined {
  return found.isFile() || found.isDirectory()
    ? undefined
    : `${path} is a pipe or a device, not a file`;
}

/** Why a file or folder cannot be trusted: it is neither, or users outside its group can change it. */
export function writableFault(path: string): string | undefined {
  const found = statSync(path);
  const kind = kindFaultOf(path, found);
  if (kind !== undefined) return kind;
  const isShared = found.isDirectory() && (found.mode & sticky) !== 0;
  return (found.mode & othersWrite) === 0 || isShared
    ? undefined
    : `${path} can be written by others: run chmod o-w on it`;
}

/**
 * Why a file may have been put there by others: its folder lets everybody make files, as the volume of a Kubernetes
 * secret does, and its owner is neither root nor the folder's.
 */
export function ownerFault(file: string): string | undefined {
  const folder = statSync(dirname(file));
  if ((folder.mode & othersWrite) === 0) return undefined;
  const owners = [lstatSync(file).uid, statSync(file).uid];
  return owners.every((uid) => uid === 0 || uid === folder.uid)
    ? undefined
    : `${file} belongs neither to root nor to the owner of its folder, in which others can make files`;
}
