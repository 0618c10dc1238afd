import { crc32 } from 'node:zlib';
import { importKey, sealWithIv } from '../../../shared/crypto/aead.ts';
import { callerKeyHash } from '../../../shared/crypto/caller-key.ts';
import { deriveKey, type Purpose, purposes } from '../../../shared/crypto/derive.ts';
import { pae } from '../../../shared/crypto/pae.ts';
import { faultsOf, fixedBytes, flip, hex, type Vector, type VectorFile } from './vector.ts';

type Piece = { readonly text: string } | { readonly hex: string };

function paeVector(name: string, ...pieces: Piece[]): Vector {
  const raw = pieces.map((piece) => ('text' in piece ? piece.text : Buffer.from(piece.hex, 'hex')));
  return { name, pieces, encodedHex: hex(pae(...raw)) };
}

export function paeFile(): VectorFile {
  const words = paeVector('two_words', { text: 'ab' }, { text: 'c' });
  const fault = faultsOf(words, ['encodedHex']);
  return {
    format: 'pae',
    about: 'success: the pieces encode to encodedHex. failure: they must encode to something else.',
    success: [
      paeVector('no_piece'),
      paeVector('one_empty_piece', { text: '' }),
      paeVector('one_piece', { text: 'test' }),
      words,
      paeVector('not_ascii', { text: 'клиент' }, { text: '𝄞' }),
      paeVector('raw_bytes', { hex: '00ff' }, { hex: '' }),
      paeVector('long_piece', { text: 'x'.repeat(300) }),
    ],
    failure: [
      fault('boundary_moved', { pieces: [{ text: 'a' }, { text: 'bc' }] }),
      fault('pieces_joined', { pieces: [{ text: 'abc' }] }),
      fault('pieces_swapped', { pieces: [{ text: 'c' }, { text: 'ab' }] }),
      fault('empty_piece_added', { pieces: [{ text: 'ab' }, { text: 'c' }, { text: '' }] }),
    ],
  };
}

export function base64File(): VectorFile {
  const vector = (name: string, encoding: 'base64' | 'base64url', bytes: Uint8Array): Vector => ({
    name,
    encoding,
    text: Buffer.from(bytes).toString(encoding),
    bytesHex: hex(bytes),
  });
  const padded = vector('padded', 'base64', Buffer.from('fbefbeff', 'hex'));
  const url = vector('url', 'base64url', Buffer.from('fbefbeff', 'hex'));
  const inPadded = faultsOf(padded, ['encoding']);
  const inUrl = faultsOf(url, ['encoding']);
  return {
    format: 'base64',
    about: 'Canonical spellings only: "base64" is RFC 4648 §4 padded, "base64url" is §5 unpadded.',
    success: [
      vector('empty', 'base64', Buffer.alloc(0)),
      vector('whole', 'base64', Buffer.from('fbefbe', 'hex')),
      padded,
      url,
    ],
    failure: [
      inPadded('padding_missing', { text: '++++/w' }),
      inPadded('padding_doubled', { text: '++++/w====' }),
      inPadded('unused_bits_set', { text: '++++/x==' }),
      inPadded('url_alphabet', { text: '----_w==' }),
      inPadded('line_break', { text: '++++\n/w==' }),
      inPadded('space_after', { text: '++++/w== ' }),
      inPadded('one_character_left', { text: '++++/' }),
      inPadded('outside_alphabet', { text: '++++!/w==' }),
      inUrl('padding_added', { text: '----_w==' }),
      inUrl('standard_alphabet', { text: '++++/w' }),
      inUrl('unused_bits_set_url', { text: '----_x' }),
    ],
  };
}

function aeadVector(name: string, key: Buffer, iv: Buffer, aad: Buffer, plaintext: Buffer): Vector {
  return {
    name,
    keyHex: hex(key),
    ivHex: hex(iv),
    aadHex: hex(aad),
    plaintextHex: hex(plaintext),
    sealedHex: hex(sealWithIv(importKey(key), plaintext, aad, iv)),
  };
}

export function aeadFile(): VectorFile {
  const key = fixedBytes('aead key', 32);
  const iv = fixedBytes('aead iv', 12);
  const aad = pae('skx1', 'example');
  const base = aeadVector('with_aad', key, iv, aad, Buffer.from('a sealed text'));
  const noText = aeadVector(
    'empty_plaintext',
    key,
    fixedBytes('aead iv 2', 12),
    aad,
    Buffer.alloc(0),
  );
  const sealed = Buffer.from(base.sealedHex as string, 'hex');
  const empty = Buffer.from(noText.sealedHex as string, 'hex');
  const tag = sealed.subarray(-16);
  const inputs = ['keyHex', 'aadHex', 'sealedHex'];
  const fault = faultsOf(base, inputs);
  const cut = faultsOf(noText, inputs);
  const gcm = (text: string) => Buffer.from(text, 'hex');
  return {
    format: 'aead',
    about:
      'sealedHex is iv, ciphertext, tag. gcm_test_case_*: The Galois/Counter Mode of Operation (McGrew, Viega), appendix B.',
    success: [
      aeadVector(
        'gcm_test_case_13',
        Buffer.alloc(32),
        Buffer.alloc(12),
        Buffer.alloc(0),
        Buffer.alloc(0),
      ),
      aeadVector(
        'gcm_test_case_14',
        Buffer.alloc(32),
        Buffer.alloc(12),
        Buffer.alloc(0),
        Buffer.alloc(16),
      ),
      aeadVector(
        'gcm_test_case_16',
        gcm('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
        gcm('cafebabefacedbaddecaf888'),
        gcm('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
        gcm(
          'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
        ),
      ),
      base,
      noText,
    ],
    failure: [
      fault('tag_flipped', { sealedHex: hex(flip(sealed, -1)) }),
      fault('tag_truncated', { sealedHex: hex(sealed.subarray(0, -1)) }),
      fault('tag_truncated_to_4', { sealedHex: hex(sealed.subarray(0, -12)) }),
      fault('tag_missing', { sealedHex: hex(sealed.subarray(0, -16)) }),
      fault('tag_before_ciphertext', {
        sealedHex: hex(Buffer.concat([iv, tag, sealed.subarray(12, -16)])),
      }),
      fault('trailing_bytes', { sealedHex: hex(Buffer.concat([sealed, Buffer.alloc(1)])) }),
      fault('ciphertext_flipped', { sealedHex: hex(flip(sealed, 12)) }),
      fault('iv_flipped', { sealedHex: hex(flip(sealed, 0)) }),
      fault('iv_swapped', {
        sealedHex: hex(Buffer.concat([empty.subarray(0, 12), sealed.subarray(12)])),
      }),
      fault('aad_flipped', { aadHex: hex(flip(aad, -1)) }),
      fault('aad_missing', { aadHex: '' }),
      fault('key_swapped', { keyHex: hex(fixedBytes('aead other key', 32)) }),
      cut('too_short', { sealedHex: hex(empty.subarray(0, -1)) }),
      cut('too_short_tag_4', { sealedHex: hex(empty.subarray(0, -12)) }),
      cut('iv_only', { sealedHex: hex(empty.subarray(0, 12)) }),
      cut('empty', { sealedHex: '' }),
    ],
  };
}

export function deriveFile(): VectorFile {
  const key = fixedBytes('at-rest key', 32);
  const success = (Object.keys(purposes) as Purpose[]).map((purpose) => ({
    name: purpose,
    atRestKeyHex: hex(key),
    info: purposes[purpose],
    derivedHex: deriveKey(key, purpose).export().toString('hex'),
  }));
  const [rows] = success;
  const fault = faultsOf(rows as Vector, ['info']);
  return {
    format: 'derive',
    about:
      'HKDF-SHA256 with the empty salt, 32 bytes out. failure: such an at-rest key is refused.',
    success,
    failure: [
      fault('key_short', { atRestKeyHex: hex(key.subarray(1)) }),
      fault('key_long', { atRestKeyHex: `${hex(key)}00` }),
      fault('key_empty', { atRestKeyHex: '' }),
    ],
  };
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const shown = 'ExampleExampleExampleExample00';

/** Prefix and body with their six base62 digits of CRC-32, whether or not the form is right. */
function withChecksum(prefix: string, body: string): string {
  let checksum = '';
  for (let i = 0, rest = crc32(prefix + body); i < 6; i++, rest = Math.floor(rest / 62)) {
    checksum = base62.charAt(rest % 62) + checksum;
  }
  return prefix + body + checksum;
}

function callerKeyVector(name: string, prefix: string, body: string): Vector {
  const key = withChecksum(prefix, body);
  return { name, prefix, key, crc32: crc32(prefix + body), hash: callerKeyHash(key) };
}

export function callerKeyFile(): VectorFile {
  const app = callerKeyVector('app', 'spk_', shown);
  const key = app.key as string;
  const body = key.slice(0, -6);
  const checksum = key.slice(-6);
  const fault = faultsOf(app, ['prefix', 'key']);
  return {
    format: 'caller-key',
    about: 'Form and checksum of callers’ keys. These are not keys of anyone.',
    success: [
      app,
      callerKeyVector('proxy', 'spx_', shown),
      callerKeyVector('all_zero', 'spk_', '0'.repeat(30)),
      callerKeyVector('checksum_with_leading_zero', 'spk_', leadingZeroBody()),
    ],
    failure: [
      fault('checksum_changed', { key: `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}` }),
      fault('checksum_reversed', { key: body + [...checksum].reverse().join('') }),
      fault('character_changed', { key: key.replace('E', 'F') }),
      fault('characters_exchanged', { key: key.replace('Ex', 'xE') }),
      fault('case_changed', { key: key.replace('E', 'e') }),
      fault('prefix_swapped', { key: key.replace('spk_', 'spx_') }),
      fault('prefix_of_the_other_kind', { prefix: 'spx_' }),
      fault('prefix_missing', { key: key.slice(4) }),
      fault('too_short', { key: withChecksum('spk_', shown.slice(1)) }),
      fault('too_long', { key: withChecksum('spk_', `${shown}0`) }),
      fault('checksum_cut', { key: key.slice(0, -1) }),
      fault('trailing_bytes', { key: `${key}0` }),
      fault('line_break_after', { key: `${key}\n` }),
      fault('outside_alphabet', { key: withChecksum('spk_', shown.replace('E', '-')) }),
      fault('empty', { key: '' }),
    ],
  };
}

/** A body whose checksum starts with the digit 0, which must not be dropped. */
function leadingZeroBody(): string {
  for (let i = 0; ; i++) {
    const body = `Example${i}`.padEnd(30, '0');
    if (crc32(`spk_${body}`) < 62 ** 5) return body;
  }
}
