import { writeFileSync } from 'node:fs';
import {
  documentMacFile,
  legacyRowFile,
  ticketFile,
  ticketVector,
  tokenRowFile,
} from './source/at-rest.ts';
import { exchangeFile, ticketExpiresAt } from './source/exchange.ts';
import { keyWrapFile, sessionKey } from './source/key-wrap.ts';
import { aeadFile, base64File, callerKeyFile, deriveFile, paeFile } from './source/primitives.ts';
import { questionFile } from './source/question.ts';
import type { VectorFile } from './source/vector.ts';

/** All vector files; the same in every run. */
export function vectorFiles(): VectorFile[] {
  const ticket = ticketVector(sessionKey, ticketExpiresAt);
  return [
    paeFile(),
    base64File(),
    aeadFile(),
    keyWrapFile(),
    exchangeFile(ticket.ticket as string),
    questionFile(ticket.ticket as string),
    ticketFile(ticket),
    tokenRowFile(),
    documentMacFile(),
    deriveFile(),
    callerKeyFile(),
    legacyRowFile(),
  ];
}

if (import.meta.main) {
  for (const file of vectorFiles()) {
    const path = new URL(`${file.format}.json`, import.meta.url);
    writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`);
  }
}
