import { Type } from '../../schema/type.ts';

/** The name of a header field (RFC 9110 §5.1). */
export const HeaderName = Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$" });

// Visible ASCII, with spaces and tabs only inside (RFC 9110 §5.5).
const headerValue = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
const control = /[\p{Cc}--[\u0080-\u009f]]/v;

/** True for text that can be the whole value of a header field. */
export function isHeaderValue(text: string): boolean {
  return headerValue.test(text);
}

/** Why a header cannot carry this value, as the end of a sentence; undefined if it can. */
export function headerValueFault(value: string): string | undefined {
  return isHeaderValue(value) ? undefined : 'is empty or has characters that a header cannot carry';
}

/** The same for a value that is encoded before it is sent: it has no U+0000–001F and U+007F. */
export function encodedValueFault(value: string): string | undefined {
  return control.test(value) || !value.isWellFormed()
    ? 'has a control character or is not well-formed Unicode'
    : undefined;
}
