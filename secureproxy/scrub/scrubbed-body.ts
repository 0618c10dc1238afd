import type { IncomingHttpHeaders } from 'node:http';
import type { AnswerBody, AnswerOutput } from '../http/answer-body.ts';
import { byteHeaders, withoutHeaders } from './answer-headers.ts';
import { CharsetSniffer, checkCharset } from './charsets.ts';
import { CollectedBody } from './collected-body.ts';
import { checkWhole, codingOf } from './content-codings.ts';
import { DecodedBody } from './decoded-body.ts';
import { EventStreamFilter, isEventStream } from './event-stream.ts';
import type { Scrubber } from './scrubber.ts';
import { StreamedBody } from './streamed-body.ts';

export interface ReceivedHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly isHead: boolean;
}

/** Maximum `Content-Length` of an answer that is collected, so that it keeps a length. */
const maxCollectedBytes = 64 * 1024;

/** Redacts an answer, decoding it if necessary. @throws ServiceError if it cannot be searched */
export function scrubbedBody(
  scrubber: Scrubber,
  { status, headers: received, isHead }: ReceivedHead,
  output: AnswerOutput,
): AnswerBody {
  const isEmpty = isHead || status === 204 || status === 304;
  const coding = isEmpty ? undefined : codingOf(received);
  if (!isEmpty) {
    checkWhole(status, received);
    checkCharset(received);
  }
  const scrubbed = scrubber.scrubHeaders(received);
  const headers = withoutHeaders(scrubbed.headers, ['accept-ranges', 'content-encoding']);
  const isStream = isEventStream(received);
  const filter = scrubber.bodyFilter();
  const answer = {
    headers,
    headerRedactions: scrubbed.redactions,
    filter: isStream ? new EventStreamFilter(filter) : filter,
    sniffer: new CharsetSniffer(received),
    output,
  };
  if (isEmpty) return new StreamedBody(answer).begin();
  const length = Number(headers['content-length'] ?? Infinity);
  if (coding === undefined && !isStream && length <= maxCollectedBytes)
    return new CollectedBody(answer);
  const changeable = {
    ...answer,
    headers: withoutHeaders(headers, ['content-length', ...byteHeaders]),
  };
  if (coding !== undefined) return new DecodedBody(changeable, coding);
  return new StreamedBody(changeable).begin();
}
