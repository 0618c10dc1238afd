import { count } from '../count.ts';

/** Numbers of rows that an at-rest key sealed. */
export interface Needs {
  readonly tokens: number;
  readonly documents: number;
  readonly images: number;
}

/** Lists without a comma before the last one. */
const list = new Intl.ListFormat('en-GB');

/** `2 tokens and 1 document need`; there is one at least. */
export function describeNeeds({ tokens, documents, images }: Needs): string {
  const parts = [
    ...(tokens > 0 ? [count(tokens, 'token')] : []),
    ...(documents > 0 ? [count(documents, 'document')] : []),
    ...(images > 0 ? [count(images, 'before-image')] : []),
  ];
  return `${list.format(parts)} ${tokens + documents + images === 1 ? 'needs' : 'need'}`;
}
