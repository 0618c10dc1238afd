/** Members of the vectors, as test/vectors/README.md lists them. */
import type { StoredDocument } from './at-rest.ts';
import type { Context } from './skx1.ts';

export interface Spelling {
  encoding: 'base64' | 'base64url';
  text: string;
}

export type Piece = { text: string } | { hex: string };

export interface Pieces {
  pieces: Piece[];
  encodedHex: string;
}

export interface Sealed {
  keyHex: string;
  aadHex: string;
  sealedHex: string;
}

export interface Wrapped {
  key: 'primary' | 'other';
  wrapped: string;
}

export interface Message {
  aadHex: string;
  ivHex: string;
  plaintext: string;
  sealed: string;
}

export interface Exchange extends Context {
  sessionKeyHex: string;
  request?: Message;
  response: Message;
  requestBody: Record<string, unknown>;
}

export interface WrongMessage extends Context {
  direction: 'request' | 'response';
  sessionKeyHex: string;
  sealed: string;
}

interface QuestionContext {
  path: '/changes' | '/whoami';
  sessionKeyHex: string;
  timestamp: number;
  nonce: string;
}

export interface Question extends QuestionContext {
  request: Message;
  response: Message;
  requestBody: Record<string, unknown>;
}

export interface WrongQuestion extends QuestionContext {
  direction: 'request' | 'response';
  sealed: string;
}

export interface Kept {
  keyring: Record<string, string>;
}

export interface TicketVector extends Kept {
  ticket: string;
}

export interface RowVector extends Kept {
  clientId: string;
  tokenType: string;
  row: string;
}

export interface DocumentVector extends Kept, StoredDocument {
  mac: string;
}

export interface LegacyRow {
  keyHex: string;
  ivHex: string;
  row: string;
}

export interface CallerKey {
  prefix: 'spk_' | 'spx_';
  key: string;
}
