import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { callerKeyHash } from '../../../../shared/crypto/caller-key.ts';
import type { CallerKind } from '../../../operations/callers.ts';
import type { StoredDocuments } from '../../../operations/changes/drafts.ts';
import type { NewKey } from '../../../operations/fleet/keys.ts';
import type { CallerName } from '../../../operations/fleet/plan.ts';
import { syncFolder, writeKeyFile } from '../../shell/key-file.ts';
import { OutputError, systemCode } from '../../shell/output-error.ts';

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

  /** @throws OutputError if it can be neither used nor made */
  constructor(workingFolder: string, folder: string) {
    this.#folder = resolve(workingFolder, folder);
    attempt(() => mkdirSync(this.#folder, { recursive: true, mode: 0o700 }));
  }

  /** Finishes what an earlier run had committed; returns the names of the files. */
  settle(stored: StoredDocuments): string[] {
    return attempt(() => readdirSync(this.#folder)).flatMap((name) => {
      const [, kind, id] = /^(app|proxy)-(.+)\.key\.partial$/.exec(name) ?? [];
      if (kind === undefined || id === undefined) return [];
      const caller = { kind: kind as CallerKind, id: decoded(id) };
      const hash = callerKeyHash(readFileSync(join(this.#folder, name), 'utf8').trim());
      const { before } = stored.get(caller.kind, caller.id);
      if (!before?.keys.some((key) => key.hash === hash)) return [];
      return [this.#publish(caller)];
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
      for (const { key, ...caller } of keys) {
        const path = this.#pathOf(caller) + partial;
        rmSync(path, { force: true });
        writeKeyFile(path, key, option);
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

  #publish(caller: CallerName): string {
    const path = this.#pathOf(caller);
    attempt(() => {
      // Another run may have settled it meanwhile.
      if (!existsSync(path)) linkSync(path + partial, path);
      rmSync(path + partial, { force: true });
      syncFolder(this.#folder);
    });
    return nameOf(caller);
  }

  #pathOf(caller: CallerName): string {
    return join(this.#folder, nameOf(caller));
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
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw new OutputError(
      `cannot use the folder that ${option} names (${code})`,
      'name a folder that can be written and has room, and run the command again',
    );
  }
}
