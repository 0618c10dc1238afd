import { ServiceError } from '../../shared/errors.ts';
import type { Probe, ProbeVerdict } from '../../shared/policy/schema.ts';
import type { ProbeAnswer } from './probe-answer.ts';

/** A fixed text for each verdict, since the marketplace's own is passed on to nobody. */
export const verdictTexts: Readonly<Record<ProbeVerdict, string>> = {
  valid: 'The marketplace accepts the token.',
  expired: 'The token has expired; store a new one with keyserver-admin token put.',
  revoked:
    'The marketplace rejects the token: it was revoked, or never valid; store another one with keyserver-admin token put.',
  wrong_kind:
    'The marketplace knows the token, and does not let it make this call: its kind, roles or categories lack it.',
  limited: 'The marketplace has a limit that was reached; ask again later.',
  unreachable: 'The marketplace cannot be reached, or cannot answer now.',
  unclear: "The marketplace's answer says nothing of the token; look at the probe of the type.",
};

/** A verdict by an answer: of the probe's own meanings the first that fits, else by its status. */
export function verdictOf(
  { meanings = [] }: Probe,
  status: number,
  { text, isPage }: Pick<ProbeAnswer, 'text' | 'isPage'>,
): ProbeVerdict {
  const own = meanings.find(
    ({ status: other, contains }) =>
      other === status && (contains === undefined || text.includes(contains)),
  );
  const verdict = own?.means ?? byStatus(status);
  // Sign-in, maintenance and bot checks answer anybody.
  return own === undefined && verdict === 'valid' && isPage ? 'unclear' : verdict;
}

function byStatus(status: number): ProbeVerdict {
  if (status >= 200 && status < 300) return 'valid';
  if (status === 401) return 'revoked';
  if (status === 403) return 'wrong_kind';
  // 420 is what Yandex Market says in place of 429.
  if (status === 429 || status === 420) return 'limited';
  return status >= 500 ? 'unreachable' : 'unclear';
}

/** Reasons of `upstream_timeout` that are ours: the marketplace was not asked (docs/errors/upstream_timeout.md). */
const ownWaits: ReadonlySet<string | undefined> = new Set([
  'keyserver_timeout',
  'queue_timeout',
  'request_timeout',
]);

/** A verdict by an error that came instead of an answer; undefined if it says nothing of token and marketplace. */
export function verdictOfError(error: unknown): ProbeVerdict | undefined {
  if (!(error instanceof ServiceError)) return undefined;
  if (error.code === 'token_expired') return 'expired';
  if (ownWaits.has(error.options.reason)) return undefined;
  return error.code.startsWith('upstream_') ? 'unreachable' : undefined;
}
