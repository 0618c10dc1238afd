import type { Binding } from '../../shared/protocol/messages.ts';
import type { CallerHead } from '../http/caller-head.ts';
import type { Call } from './call.ts';
import type { Authorization, PreparedCall } from './prepare.ts';

/** The last call without a body on a connection, since callers that poll repeat it. */
interface LastCall {
  /** The target of its request and the binding of its key; all else of the call is of the head. */
  readonly target: string;
  readonly binding: Binding | null;
  readonly call: Call;
  /** By what it was judged last, without the secret, and the result. */
  judged?: Authorization & { readonly prepared: PreparedCall };
}

/** Holds the last call of a head; undefined if there is none. */
export function lastCallOf(head: CallerHead): { newest?: LastCall } {
  return head.derive(none);
}

function none(): { newest?: LastCall } {
  return {};
}
