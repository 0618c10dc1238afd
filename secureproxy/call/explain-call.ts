import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { injectedNames } from '../../shared/policy/injection/injection.ts';
import { RefusalSchema, StepSchema, Steps } from '../../shared/protocol/explanation.ts';
import { type Static, Type } from '../../shared/schema/type.ts';
import { droppedHeaders } from '../http/request-headers.ts';
import type { KeyserverClient } from '../keyserver-client/client.ts';
import type { Limits } from '../limits/limits.ts';
import type { Deadline } from '../upstream/deadline.ts';
import type { UpstreamPools } from '../upstream/pools.ts';
import { askForCall } from './ask-keyserver.ts';
import type { Call } from './call.ts';
import { inPlace, type PlaceDependencies } from './in-place.ts';
import { prepare } from './prepare.ts';

const tokenMissing = {
  code: 'token_not_found',
  detail: 'No token is stored for this client and type; store one with keyserver-admin token put.',
};

/** Answer of `/explain`; code, reason and detail repeat those of the last step, if it failed. */
export const ExplainedSchema = Type.Object(
  {
    allowed: Type.Boolean({ description: 'Whether the call would be sent' }),
    ...RefusalSchema.properties,
    steps: Type.Array(StepSchema),
    request: Type.Optional(
      Type.Object(
        {
          method: Type.String(),
          url: Type.String(),
          headers: Type.Array(Type.String(), { description: 'Names only' }),
        },
        {
          description:
            'The request that would be sent, without the body and the token; absent if the proxy answers itself',
        },
      ),
    ),
  },
  {
    examples: [
      {
        allowed: false,
        ...tokenMissing,
        steps: [
          { step: 'authenticate', ok: true, app: 'orders' },
          { step: 'url', ok: true, url: 'https://api.marketplace.example/v3/product/list' },
          {
            step: 'grant',
            ok: true,
            grant: { id: 'ln65yeZO', client: 'shop-*', type: 'ozon-seller' },
          },
          { step: 'type', ok: true },
          { step: 'destination', ok: true, destination: 'https://api.marketplace.example' },
          { step: 'token', ok: false, ...tokenMissing },
        ],
      },
    ],
  },
);
export type Explained = Static<typeof ExplainedSchema>;

export interface ExplainDependencies extends PlaceDependencies {
  readonly keyserver: Pick<KeyserverClient, 'explain'>;
  readonly pools: Pick<UpstreamPools, 'checkHost'>;
  readonly limits: Limits;
}

/**
 * Explains how `/request_api` would decide a call, without making it: KeyServer explains its decision
 * and keeps the token, the call is prepared, and the host's addresses are judged. Nothing is sent,
 * and the release cache is neither read nor written.
 * @throws ServiceError if the caller is unknown or has no grant, or KeyServer cannot answer
 */
export function explainCall(
  dependencies: ExplainDependencies,
  call: Call,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Explained> {
  return inPlace(dependencies, call, request, reply, ({ deadline }) =>
    explain(dependencies, call, request, reply, deadline),
  );
}

async function explain(
  { keyserver, pools, limits }: ExplainDependencies,
  call: Call,
  request: FastifyRequest,
  reply: FastifyReply,
  deadline: Deadline,
): Promise<Explained> {
  const { logFields: log } = request;
  const { explanation, source } = await askForCall(call, request, reply, deadline, (query) =>
    keyserver.explain(query),
  );
  log.app = explanation.app;
  log.explain = source;
  const steps = new Steps(explanation.steps);
  if (explanation.terms === undefined) return explained(steps);
  const { terms } = explanation;
  let sent: Explained['request'];
  try {
    steps.begin('request');
    const { url, isPlain, isTokenEndpoint, headers } = prepare(terms, call);
    if (isTokenEndpoint) return explained(steps);
    const { injection, dropHeaders } = terms.policy;
    const injected = injectedNames(injection).headers;
    const names = [...headers.filter((_, at) => at % 2 === 0), ...(isPlain ? [] : injected)];
    sent = { method: call.method, url: url.href, headers: names };
    steps.record({ dropped: droppedHeaders(call.headers, injected, dropHeaders) });
    const { clientId, tokenType } = call;
    const rooms = await limits.rooms(terms.policy, { clientId, tokenType, url });
    if (rooms.length > 0) {
      steps.begin('limits');
      steps.record({ limits: rooms.map(shownRoom) });
    }
    steps.begin('address');
    await deadline.bound('connection', pools.checkHost(url.origin, terms.policy));
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code === 'internal') throw error;
    steps.reject(error);
  }
  return explained(steps, sent);
}

function shownRoom({
  bucket,
  used,
  calls,
  closedMs,
  waitMs,
}: Awaited<ReturnType<Limits['rooms']>>[number]) {
  const finite = (number: number) => (Number.isFinite(number) ? Math.ceil(number) : null);
  return {
    ...{ limit: bucket.name, used, calls: finite(calls) },
    ...{ waitMs: finite(waitMs), closedMs: Math.ceil(closedMs) },
  };
}

function explained({ taken }: Steps, request?: Explained['request']): Explained {
  const { ok = false, code, reason, detail } = taken.at(-1) ?? {};
  return {
    allowed: ok,
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
    steps: taken,
    ...(request === undefined ? {} : { request }),
  };
}
