import type { DocumentName } from '../../store/store.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import type { Suggestion } from '../suggestion.ts';

/** The error for before-images that somebody changed, exchanged or removed. */
export function imageFault(fault: string): OperationError {
  return new OperationError(
    'integrity_failed',
    fault,
    'its row was changed or removed, or its key is missing; the document itself is not affected. Delete its rows of document_images to keep new ones',
  );
}

/** The error for a last change that an earlier version made. */
export function noImage(name: DocumentName): OperationError {
  return new OperationError(
    'not_found',
    `the last change of ${nameOf(name)} has no before-image`,
    'it was made before images were kept, by an earlier version or by a restore, or its image was too long, or removed: change the document by hand, or name a change that its history lists',
  );
}

export function noChange(name: DocumentName, change: number | 'last'): OperationError {
  const { kind, id } = name;
  return new OperationError('not_found', `${nameOf(name)} has no change ${change} that is kept`, {
    ...{ do: 'list_changes', kind, id },
  });
}

/** The newest change that has an image, and how to go on from it. */
interface LastImage {
  readonly change: number;
  /** Whether there was no document before it. */
  readonly creates: boolean;
  /** The change that it has undone, and the one before that. */
  readonly undid: number | undefined;
  readonly further: number | undefined;
}

/** The error for a last change that no undo takes back. */
export function keysAlone(name: DocumentName, at: string, last: LastImage): OperationError {
  return inputInvalid(
    `the last change of ${nameOf(name)}, of ${at}, is one of its keys, which no undo takes back`,
    wayOn(name, last),
  );
}

/** The error for a last change that has undone one: taking it back would bring that one back. */
export function undoneAlready(name: DocumentName, last: LastImage): OperationError {
  return inputInvalid(
    `the last change of ${nameOf(name)}, ${last.change}, has undone change ${last.undid} already`,
    wayOn(name, last),
  );
}

function wayOn(
  { kind, id }: DocumentName,
  { change, creates, undid, further }: LastImage,
): Suggestion {
  return undid === undefined
    ? { do: 'undo_earlier', kind, id, change, creates }
    : { do: 'undo_again', kind, id, change, further };
}

/** The error for a last change of a proxy that no undo takes back; `earlier` is the one before it. */
export function certificatesAlone(
  { kind, id }: DocumentName,
  earlier: number | undefined,
): OperationError {
  const suggestion: Suggestion =
    earlier === undefined
      ? { do: 'limit_proxy', id }
      : { do: 'undo_earlier', kind, id, change: earlier };
  return inputInvalid(
    `the last change of ${nameOf({ kind, id })} is one of certificates' names alone, which stay as they are`,
    suggestion,
  );
}

function nameOf({ kind, id }: DocumentName): string {
  return `the ${kind} ${JSON.stringify(id)}`;
}
