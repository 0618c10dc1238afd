import type { KeyObject } from 'node:crypto';
import { keyBytes } from '../../shared/crypto/aead.ts';
import { deriveKey, type Purpose, purposes } from '../../shared/crypto/derive.ts';
import { checkDocumentMac, documentMac } from '../../shared/crypto/document-mac.ts';
import type { KeyLookup } from '../../shared/crypto/kid.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { readKeyFiles } from './key-files.ts';

type DerivedKeys = Readonly<Record<Purpose, KeyObject>>;

/** The kind that a check value's MAC names, which no document has. */
const checkKind = 'key';
/** 72 bits of the MAC: enough to tell keys of one name apart. */
const checkChars = 12;

/** The kid of an id of {@link Keyring.idOf}. */
export function kidOf(id: string): string {
  return id.split('.', 1)[0] ?? '';
}

/** `isKept`: the folder lacks the key, and the memory still has it. */
export type MissingListener = (kid: string, purpose: Purpose, isKept: boolean) => void;

/** The at-rest keys by kid. Only the keys derived from them are kept. */
export class Keyring {
  #primaryKid: string;
  #keys: ReadonlyMap<string, DerivedKeys>;
  /** Keys that left the folder: rows may need them still. */
  readonly #kept = new Map<string, DerivedKeys>();
  #onMissing: MissingListener | undefined;

  constructor(primaryKid: string, masters: ReadonlyMap<string, Uint8Array>) {
    this.#primaryKid = primaryKid;
    this.#keys = new Map([...masters].map(([kid, master]) => [kid, deriveAll(master)]));
    this.primary('rows');
  }

  get primaryKid(): string {
    return this.#primaryKid;
  }

  get kids(): string[] {
    return [...this.#keys.keys()].sort();
  }

  /**
   * Tells keys of one name apart without showing them: `<kid>.<check value>`, by a MAC under the key.
   * Undefined if the keyring has no such key.
   */
  idOf(kid: string): string | undefined {
    const key = this.#keys.get(kid)?.documents;
    if (key === undefined) return undefined;
    const mac = documentMac(key, { kid, kind: checkKind, id: '', revision: 0, body: '' });
    return `${kid}.${mac.slice(0, checkChars)}`;
  }

  /** The ids of all keys, in order. */
  get ids(): string[] {
    return this.kids.flatMap((kid) => this.idOf(kid) ?? []);
  }

  get primaryId(): string {
    return this.idOf(this.#primaryKid) ?? '';
  }

  has(kid: string): boolean {
    return this.#keys.has(kid);
  }

  isSame(other: Keyring): boolean {
    const isTheirs = ([kid, { rows }]: [string, DerivedKeys]) =>
      other.#keys.get(kid)?.rows.equals(rows) === true;
    return (
      this.#primaryKid === other.#primaryKid &&
      this.#keys.size === other.#keys.size &&
      [...this.#keys].every(isTheirs)
    );
  }

  /**
   * Replaces all keys by another keyring's, at once for everyone who holds this one. Keys that the other lacks still
   * open rows and documents, until the process ends: a file that was moved too early must not refuse calls.
   */
  take(other: Keyring): void {
    for (const [kid, keys] of this.#keys) this.#kept.set(kid, keys);
    this.#primaryKid = other.#primaryKid;
    this.#keys = other.#keys;
  }

  whenMissing(listener: MissingListener): void {
    this.#onMissing = listener;
  }

  lookup(purpose: Purpose): KeyLookup {
    return (kid) => {
      const keys = this.#keys.get(kid);
      if (keys !== undefined) return keys[purpose];
      const kept = purpose === 'tickets' ? undefined : this.#kept.get(kid);
      this.#onMissing?.(kid, purpose, kept !== undefined);
      return kept?.[purpose];
    };
  }

  /** Adds the primary key's kid, and a MAC under it. */
  sign<R extends Omit<Signed, 'kid'>>(row: R): R & { readonly kid: string; readonly mac: string } {
    const signed = { ...row, kid: this.#primaryKid };
    return { ...signed, mac: documentMac(this.primary('documents'), signed) };
  }

  /** @throws OpenError unless the row's MAC is under a key of this keyring */
  verify(row: Signed & { readonly mac: string }): void {
    const key = this.lookup('documents')(row.kid);
    if (key === undefined) throw new OpenError();
    checkDocumentMac(key, row, row.mac);
  }

  /** The key for new rows, documents or tickets. */
  primary(purpose: Purpose): KeyObject {
    const keys = this.#keys.get(this.#primaryKid);
    if (keys === undefined) throw new RangeError(`the keyring has no key ${this.#primaryKid}`);
    return keys[purpose];
  }
}

/** The parts of a row whose MAC is under the key of the purpose `documents`. */
type Signed = Parameters<typeof documentMac>[1];

function deriveAll(master: Uint8Array): DerivedKeys {
  const all = Object.keys(purposes) as Purpose[];
  return Object.fromEntries(all.map((one) => [one, deriveKey(master, one)])) as DerivedKeys;
}

/** Loads `KEYRING_DIR`. @throws ConfigError */
export function loadKeyring(folder: string): Keyring {
  const { primary, keys } = readKeyFiles(folder, '.key', checkLength);
  const keyring = new Keyring(primary, keys);
  for (const bytes of keys.values()) bytes.fill(0);
  return keyring;
}

function checkLength(file: string, bytes: Buffer): Buffer {
  if (bytes.length === keyBytes) return bytes;
  throw new ConfigError([`${file} has ${bytes.length} bytes: an at-rest key has ${keyBytes}`]);
}
