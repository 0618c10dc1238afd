import { invalid } from './faults.ts';

/** Header fields of a call; a list of values is one field per value. */
const maxHeaders = 200;
const maxHeaderBytes = 64 * 1024;

/** @param bytes size of the JSON of `Headers`. @throws ServiceError request_invalid */
export function checkHeaderBytes(bytes: number): void {
  if (bytes > maxHeaderBytes) throw tooMany();
}

/** Checked before the schema is, which takes time for each. @throws ServiceError request_invalid */
export function checkHeaderCount(headers: unknown): void {
  // Of a text, characters would be counted.
  if (typeof headers !== 'object') return;
  let count = 0;
  for (const values of Object.values(headers ?? {})) {
    count += Array.isArray(values) ? Math.max(1, values.length) : 1;
  }
  if (count > maxHeaders) throw tooMany();
}

function tooMany() {
  return invalid(
    'headers_limit',
    `Headers has more than ${maxHeaders} values, or more than ${maxHeaderBytes} bytes of JSON.`,
  );
}
