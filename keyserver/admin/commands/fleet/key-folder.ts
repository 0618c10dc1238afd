import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { callerKeyHash } from '../../../../shared/crypto/caller-key.ts';
import type { CallerKind } from '../../../operations/callers.ts';
import type { StoredDocuments } from '../../../operations/changes/drafts.ts';
import type { NewKey } from '../../../operations/fleet/keys.ts';
import type { CallerName } from '../../../operations/fleet/plan.ts';
import { syncFolder } from '../../../operations/keys/folder-files.ts';
import { writeKeyFile } from '../../shell/key-file.ts';
import { OutputError, outputError, systemCode } from '../../shell/output-error.ts';

const option = '--keys-to';
const partial = '.partial';

/**
 * The folder of `--keys-to`: a file with mode 0600 for each new key, such as `app-reports.key`. A key is
 * written to `….key.partial` before the commit, and renamed after it. So a run that was killed leaves
 * either a key that is not valid, which the next one overwrites, or one that the next one renames.
 */
export class KeyFolder {
  readonly #folder: string;
  #written: readonly NewKey[] = [];
  #failure: OutputError | undefined;

  /** @throws OutputError if it can be neither used nor made */
  constructor(workingFolder: string, folder: string) {
    this.#folder = resolve(workingFolder, folder);
    attempt(() => mkdirSync(this.#folder, { recursive: true, mode: 0o700 }));
  }

  /** Whether keys were written, which are valid if the commit happened. */
  get hasKeys(): boolean {
    return this.#written.length > 0;
  }

  /** Finishes what an earlier run had committed; returns the names of the files. */
  settle(stored: StoredDocuments): string[] {
    return attempt(() => readdirSync(this.#folder)).flatMap((name) => {
      const [, kind, id] = /^(app|proxy)-(.+)\.key\.partial$/.exec(name) ?? [];
      if (kind === undefined || id === undefined) return [];
      const caller = { kind: kind as CallerKind, id: decoded(id) };
      const key = attempt(() => readFileSync(join(this.#folder, name), 'utf8')).trim();
      const hash = callerKeyHash(key);
      const { before } = stored.get(caller.kind, caller.id);
      if (!before?.keys.some((kept) => kept.hash === hash)) return [];
      return [this.#publish({ ...caller, key })];
    });
  }

  /** @throws OutputError if a file is in the way */
  check(callers: readonly CallerName[]): void {
    const taken = callers.map(nameOf).find((name) => existsSync(join(this.#folder, name)));
    if (taken === undefined) return;
    throw new OutputError(
      `the folder that ${option} names has a file ${taken} already`,
      'nothing was changed; move it away, or name another folder',
    );
  }

  /** Called before the commit, again after a lost conflict. @throws OutputError */
  write(keys: readonly NewKey[]): void {
    if (this.#written.length > 0) return;
    this.#written = keys;
    try {
      for (const caller of keys) rmSync(this.#pathOf(caller) + partial, { force: true });
      // If the file system takes two names for one file, the second key is rejected here.
      for (const { key, ...caller } of keys) {
        writeKeyFile(this.#pathOf(caller) + partial, key, option);
      }
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** After a failure that committed nothing. */
  discard(): void {
    for (const caller of this.#written) rmSync(this.#pathOf(caller) + partial, { force: true });
  }

  /** After the commit; returns the names of the files. */
  publish(): string[] {
    return this.#written.map((caller) => this.#publish(caller));
  }

  /** @throws OutputError if a key kept its name `….partial` */
  checkNamed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Never fails for the file system's sake, since the key is valid; returns the name of its file. */
  #publish({ key, ...caller }: NewKey): string {
    const path = this.#pathOf(caller);
    try {
      // Another run may have settled it meanwhile.
      if (!(existsSync(path) && readFileSync(path, 'utf8').trim() === key)) {
        moveToNew(path + partial, path);
      }
      rmSync(path + partial, { force: true });
      syncFolder(this.#folder);
      return nameOf(caller);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      this.#failure = new OutputError(
        `cannot rename the file ${nameOf(caller)}${partial} of the folder that ${option} names (${code})`,
        'the changes are made, and the key in it is valid: rename it, or run the same command again',
      );
      return nameOf(caller) + partial;
    }
  }

  #pathOf(caller: CallerName): string {
    return join(this.#folder, nameOf(caller));
  }
}

/** Renames a file, and never replaces one. */
function moveToNew(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (existsSync(to)) throw error;
    // Not every file system has links, such as one of a memory card or a share.
    renameSync(from, to);
  }
}

/** Names may have any character; those of files may not. */
function nameOf({ kind, id }: CallerName): string {
  return `${kind}-${encodeURIComponent(id)}.key`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const hint = 'name a folder that can be written and has room, and run the command again';
    throw outputError(error, `cannot use the folder that ${option} names`, hint);
  }
}
