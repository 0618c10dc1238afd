import { isFieldName } from '../../shared/policy/injection/template.ts';
import { hasRepeatedMember, parseObject } from '../../shared/schema/json-object.ts';
import { inputInvalid, type OperationError } from './operation-error.ts';

/** Maximum length of a secret's text, in bytes. */
export const maxSecretBytes = 65_536;

/** Reads a whole secret. @throws OperationError input_invalid if it is too long */
export async function readSecretBytes(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxSecretBytes) {
      throw inputInvalid(
        `the secret has more than ${maxSecretBytes} bytes`,
        'check that it is the right file',
      );
    }
  }
  return Buffer.concat(chunks);
}

/**
 * Parses a secret: a JSON object of strings if it starts with `{`, otherwise the bare token; one
 * trailing line end is dropped. No message quotes it. @throws OperationError input_invalid
 */
export function parseSecretInput(bytes: Uint8Array): Record<string, string> {
  return parseSecretText(decode(bytes).replace(/\r?\n$/, ''));
}

/** {@link parseSecretInput} for text, all of which counts. @throws OperationError input_invalid */
export function parseSecretText(text: string): Record<string, string> {
  if (text === '') throw empty();
  return text.startsWith('{') ? checkedFields(parseFields(text)) : { token: text };
}

/** Checks the fields of a secret. @throws OperationError input_invalid */
export function checkedFields(fields: Record<string, string>): Record<string, string> {
  const names = Object.keys(fields);
  const misnamed = names.findIndex((name) => !isFieldName(name));
  if (misnamed >= 0) {
    // By number: a malformed name may be a misplaced secret.
    throw inputInvalid(
      `the name of field ${misnamed + 1} of the secret cannot stand in a placeholder`,
      'field names have 1 to 64 letters, digits, _ . -',
    );
  }
  if (names.every((name) => fields[name] === '')) throw empty();
  return fields;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw inputInvalid(
      'the secret is not text in UTF-8',
      'encode binary secrets, for example as base64',
    );
  }
}

function parseFields(text: string): Record<string, string> {
  const value = parseObject(text);
  if (isTextRecord(value)) {
    if (hasRepeatedMember(text)) {
      throw inputInvalid('a field of the secret stands twice', 'give each field once');
    }
    return value;
  }
  throw inputInvalid(
    'the secret starts with { but is not a JSON object of strings',
    'for example: {"clientId": "…", "apiKey": "…"}',
  );
}

export function isTextRecord(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((field) => typeof field === 'string')
  );
}

function empty(): OperationError {
  return inputInvalid('the secret is empty', { do: 'provide_secret' });
}
