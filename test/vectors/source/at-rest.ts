import { createCipheriv, type KeyObject } from 'node:crypto';
import { importKey, sealWithIv } from '../../../shared/crypto/aead.ts';
import { deriveKey } from '../../../shared/crypto/derive.ts';
import { documentMac } from '../../../shared/crypto/document-mac.ts';
import { pae } from '../../../shared/crypto/pae.ts';
import { tokenRowAad } from '../../../shared/crypto/token-row.ts';
import { faultsOf, fixedBytes, flip, hex, type Vector, type VectorFile } from './vector.ts';

const kid = '2026-a';
const atRestKey = fixedBytes('at-rest key', 32);
/** The keyring that every vector of data at rest opens with. */
const keyring = { [kid]: hex(atRestKey), '2026-b': hex(fixedBytes('at-rest key b', 32)) };
const rowKey = deriveKey(atRestKey, 'rows');
const keyHex = (key: KeyObject): string => key.export().toString('hex');

function tokenRow(name: string, clientId: string, tokenType: string, plaintext: string): Vector {
  const iv = fixedBytes(`row iv ${name}`, 12);
  const aad = tokenRowAad(kid, { clientId, tokenType });
  const row = `skt1.${kid}.${sealWithIv(rowKey, plaintext, aad, iv).toString('base64url')}`;
  const inner = { rowKeyHex: keyHex(rowKey), aadHex: hex(aad), ivHex: hex(iv) };
  return { name, keyring, kid, clientId, tokenType, ...inner, plaintext, row };
}

export function tokenRowFile(): VectorFile {
  const base = tokenRow('plain', 'shop-1', 'ozon-seller', '{"fields":{"token":"example"}}');
  const row = base.row as string;
  const sealed = Buffer.from(row.slice(row.lastIndexOf('.') + 1), 'base64url');
  const otherIv = fixedBytes('row iv of another row', 12);
  const aad = Buffer.from(base.aadHex as string, 'hex');
  const text = (bytes: Uint8Array) => `skt1.${kid}.${Buffer.from(bytes).toString('base64url')}`;
  const under = (key: KeyObject, withAad = aad) =>
    text(sealWithIv(key, base.plaintext as string, withAad, fixedBytes('row iv plain', 12)));
  const fault = faultsOf(base, ['keyring', 'clientId', 'tokenType', 'row']);
  return {
    format: 'token-row',
    about:
      'Rows of the token table. keyring: at-rest keys by kid; the row key is derived from one of them.',
    success: [
      base,
      tokenRow(
        'with_expiry',
        'shop-1',
        'ozon-seller',
        '{"fields":{"token":"example"},"expiresAt":"2030-01-01T00:00:00.000Z"}',
      ),
      tokenRow('not_ascii', 'магазин 1', 'ozon-продавец', '{"fields":{"token":"пример"}}'),
    ],
    failure: [
      fault('aad_client_swapped', { clientId: 'shop-2' }),
      fault('aad_type_swapped', { tokenType: 'wildberries' }),
      fault('aad_client_and_type_exchanged', { clientId: 'ozon-seller', tokenType: 'shop-1' }),
      fault('aad_client_case_changed', { clientId: 'Shop-1' }),
      fault('aad_missing', { row: under(rowKey, Buffer.alloc(0)) }),
      fault('kid_unknown', { row: row.replace(kid, '2025-a') }),
      fault('kid_swapped', { row: row.replace(kid, '2026-b') }),
      fault('kid_empty', { row: row.replace(kid, '') }),
      fault('kid_outside_alphabet', { row: row.replace(kid, '2026 a') }),
      fault('version_unknown', { row: row.replace('skt1', 'skt2') }),
      fault('version_upper_case', { row: row.replace('skt1', 'SKT1') }),
      fault('part_added', { row: `${row}.` }),
      fault('part_missing', { row: `skt1.${kid}` }),
      fault('space_before', { row: ` ${row}` }),
      fault('line_break_after', { row: `${row}\n` }),
      fault('base64_padded', { row: `${row}=` }),
      fault('base64_one_character_left', { row: `${row}A` }),
      fault('tag_flipped', { row: text(flip(sealed, -1)) }),
      fault('tag_truncated', { row: text(sealed.subarray(0, -1)) }),
      fault('trailing_bytes', { row: text(Buffer.concat([sealed, Buffer.alloc(1)])) }),
      fault('ciphertext_flipped', { row: text(flip(sealed, 12)) }),
      fault('iv_swapped', { row: text(Buffer.concat([otherIv, sealed.subarray(12)])) }),
      fault('sealed_empty', { row: text(Buffer.alloc(0)) }),
      fault('key_not_derived', { row: under(importKey(atRestKey)) }),
      fault('key_of_tickets', { row: under(deriveKey(atRestKey, 'tickets')) }),
      fault('empty', { row: '' }),
    ],
  };
}

/** The ticket of this session key; exchange.json shows it in an answer and in the next request. */
export function ticketVector(sessionKey: Buffer, expiresAt: number): Vector {
  const ticketKey = deriveKey(atRestKey, 'tickets');
  const iv = fixedBytes('ticket iv', 12);
  const aad = pae('skx1', 'ticket', kid);
  const sealed = sealWithIv(ticketKey, ticketPlaintext(sessionKey, expiresAt), aad, iv);
  return {
    name: 'plain',
    keyring,
    kid,
    ticketKeyHex: keyHex(ticketKey),
    aadHex: hex(aad),
    ivHex: hex(iv),
    sessionKeyHex: hex(sessionKey),
    expiresAt,
    ticket: ticketText(kid, sealed),
  };
}

function ticketPlaintext(sessionKey: Buffer, expiresAt: number): Buffer {
  const expiry = Buffer.alloc(8);
  expiry.writeBigUInt64LE(BigInt(expiresAt));
  return Buffer.concat([sessionKey, expiry]);
}

const ticketText = (name: string, sealed: Uint8Array, length = name.length): string =>
  Buffer.concat([Buffer.of(length), Buffer.from(name, 'latin1'), sealed]).toString('base64');

export function ticketFile(base: Vector): VectorFile {
  const ticket = base.ticket as string;
  const sealed = Buffer.from(ticket, 'base64').subarray(1 + kid.length);
  const ticketKey = deriveKey(atRestKey, 'tickets');
  const aad = pae('skx1', 'ticket', kid);
  const iv = fixedBytes('ticket iv', 12);
  const plaintext = ticketPlaintext(
    Buffer.from(base.sessionKeyHex as string, 'hex'),
    base.expiresAt as number,
  );
  const content = (bytes: Uint8Array, key = ticketKey, withAad = aad) =>
    ticketText(kid, sealWithIv(key, bytes, withAad, iv));
  const fault = faultsOf(base, ['keyring', 'ticket']);
  return {
    format: 'ticket',
    about:
      'Tickets; opaque to clients. Opening gives the session key and the expiry and does not judge it.',
    success: [base],
    failure: [
      fault('kid_unknown', { ticket: ticketText('2025-a', sealed) }),
      fault('kid_swapped', { ticket: ticketText('2026-b', sealed) }),
      fault('kid_empty', { ticket: ticketText('', sealed) }),
      fault('kid_outside_alphabet', { ticket: ticketText('2026 a', sealed) }),
      fault('kid_length_short', { ticket: ticketText(kid, sealed, kid.length - 1) }),
      fault('kid_length_long', { ticket: ticketText(kid, sealed, kid.length + 1) }),
      fault('kid_length_past_the_end', { ticket: ticketText(kid, sealed, 255) }),
      fault('tag_flipped', { ticket: ticketText(kid, flip(sealed, -1)) }),
      fault('tag_truncated', { ticket: ticketText(kid, sealed.subarray(0, -1)) }),
      fault('trailing_bytes', {
        ticket: ticketText(kid, Buffer.concat([sealed, Buffer.alloc(1)])),
      }),
      fault('ciphertext_flipped', { ticket: ticketText(kid, flip(sealed, 12)) }),
      fault('iv_swapped', {
        ticket: ticketText(
          kid,
          Buffer.concat([fixedBytes('other ticket iv', 12), sealed.subarray(12)]),
        ),
      }),
      fault('session_key_short', { ticket: content(plaintext.subarray(1)) }),
      fault('plaintext_long', { ticket: content(Buffer.concat([plaintext, Buffer.alloc(1)])) }),
      fault('expiry_missing', { ticket: content(plaintext.subarray(0, 32)) }),
      fault('aad_word_swapped', {
        ticket: content(plaintext, ticketKey, pae('skx1', 'request', kid)),
      }),
      fault('key_of_rows', { ticket: content(plaintext, rowKey) }),
      fault('base64_not_canonical', { ticket: `${ticket}\n` }),
      fault('sealed_missing', { ticket: ticketText(kid, Buffer.alloc(0)) }),
      fault('empty', { ticket: '' }),
    ],
  };
}

export function documentMacFile(): VectorFile {
  const macKey = deriveKey(atRestKey, 'documents');
  const body = '{"destinations":["https://api.example.com"]}';
  const context = { kid, kind: 'type', id: 'ozon-seller', revision: 7, body };
  const make = (name: string, of: typeof context): Vector => ({
    name,
    keyring,
    ...of,
    macKeyHex: keyHex(macKey),
    macInputHex: hex(pae('skd1', of.kid, of.kind, of.id, String(of.revision), of.body)),
    mac: documentMac(macKey, of),
  });
  const base = make('plain', context);
  const mac = Buffer.from(base.mac as string, 'base64url');
  const text = base.mac as string;
  const last = text.slice(-1);
  const fault = faultsOf(base, ['keyring', 'kid', 'kind', 'id', 'revision', 'body', 'mac']);
  return {
    format: 'document-mac',
    about: 'MACs of documents; body is the stored text byte by byte.',
    success: [
      base,
      make('not_ascii', { ...context, id: 'озон', body: '{"x":"ё"}', revision: 2 ** 40 }),
    ],
    failure: [
      fault('body_changed', { body: body.replace('example', 'examplf') }),
      fault('body_space_added', { body: body.replace(':', ': ') }),
      fault('revision_lowered', { revision: 6 }),
      fault('id_swapped', { id: 'wildberries' }),
      fault('kind_swapped', { kind: 'app' }),
      fault('kid_swapped', { kid: '2026-b' }),
      fault('kid_unknown', { kid: '2025-a' }),
      fault('mac_flipped', { mac: flip(mac, 0).toString('base64url') }),
      fault('mac_truncated', { mac: mac.subarray(0, -1).toString('base64url') }),
      fault('trailing_bytes', { mac: Buffer.concat([mac, Buffer.alloc(1)]).toString('base64url') }),
      fault('mac_empty', { mac: '' }),
      fault('base64_padded', { mac: `${text}=` }),
      fault('base64_not_canonical', {
        mac: text.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1),
      }),
      fault('key_of_rows', { mac: documentMac(rowKey, context) }),
      fault('key_not_derived', { mac: documentMac(importKey(atRestKey), context) }),
    ],
  };
}

export function legacyRowFile(): VectorFile {
  const key = fixedBytes('legacy key', 32);
  const iv = fixedBytes('legacy iv', 16);
  const encrypt = (text: string | Uint8Array, padding = true): Buffer => {
    const cipher = createCipheriv('aes-256-cbc', key, iv).setAutoPadding(padding);
    return Buffer.concat([cipher.update(text), cipher.final()]);
  };
  const vector = (name: string, plaintext: string): Vector => ({
    name,
    keyHex: hex(key),
    ivHex: hex(iv),
    plaintext,
    row: encrypt(plaintext).toString('base64'),
  });
  const base = vector('plain', 'an example of more than one block');
  const ciphertext = encrypt(base.plaintext as string);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const padded = (...end: number[]) =>
    text(encrypt(Buffer.concat([Buffer.alloc(16 - end.length, 0x61), Buffer.from(end)]), false));
  const fault = faultsOf(base, ['keyHex', 'ivHex', 'row']);
  return {
    format: 'legacy-row',
    about:
      'Rows of the earlier system, AES-256-CBC without authentication: a changed row may well open.',
    success: [
      base,
      vector('one_block', 'short'),
      vector('empty', ''),
      vector('not_ascii', 'пример'),
    ],
    failure: [
      fault('block_truncated', { row: text(ciphertext.subarray(0, -1)) }),
      fault('last_block_missing', { row: text(ciphertext.subarray(0, -16)) }),
      fault('padding_zero', { row: padded(0) }),
      fault('padding_too_long', { row: padded(17) }),
      fault('padding_uneven', { row: padded(3, 2) }),
      fault('key_swapped', { keyHex: hex(fixedBytes('legacy other key', 32)) }),
      fault('not_utf8', { row: text(encrypt(Buffer.of(0x61, 0xff))) }),
      fault('base64_not_canonical', { row: `${base.row}\n` }),
      fault('empty_row', { row: '' }),
    ],
  };
}
