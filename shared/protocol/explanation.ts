import { errorCodes, type ServiceError } from '../errors.ts';
import { GrantSchema, PolicySchema } from '../policy/schema.ts';
import { optional, type Static, Type } from '../schema/type.ts';
import { IssuedTicketSchema } from './messages.ts';

/** The steps of a decision in order. `direct` is for direct apps, `operation` for types that say what selects it; SecureProxy adds `request`, `limits` and `address`. */
const stepNames = [
  'authenticate',
  'direct',
  'url',
  'grant',
  'type',
  'destination',
  'operation',
  'token',
  'injection',
  'request',
  'limits',
  'address',
] as const;
type StepName = (typeof stepNames)[number];

const Names = (description: string) => Type.Array(Type.String(), { description });
const Code = Type.Enum(errorCodes, { description: 'Error code that the call would get' });

/** Why a step rejects the call, in the members of the problem that the call would get. */
export const RefusalSchema = Type.Object({
  code: Type.Optional(Code),
  reason: Type.Optional(Type.String({ description: 'Stable name of the check that failed' })),
  detail: Type.Optional(Type.String()),
});

/** One step of a decision and its findings. Never has the value of a secret's field. */
export const StepSchema = Type.Object({
  step: Type.Enum([...stepNames]),
  ok: Type.Boolean(),
  ...RefusalSchema.properties,
  ...optional({
    app: Type.String({ description: 'Id of the app' }),
    url: Type.String({ description: 'The parsed URL' }),
    grant: Type.Object(
      { id: Type.String(), ...GrantSchema.properties },
      { description: 'The grant of the app that allows the call' },
    ),
    destination: Type.String({ description: 'The destination of the type that allows the URL' }),
    plain: Type.Literal(true, {
      description: 'The call goes to this destination without the token',
    }),
    tokenEndpoint: Type.Literal(true, {
      description: 'This is a token endpoint: nothing is sent, the proxy answers with the app key',
    }),
    ca: Names(
      'Subjects of the CAs that alone are trusted for the type; absent: those of the proxy',
    ),
    expiresIn: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Seconds until the token expires; null: never',
    }),
    headers: Names('Headers that the proxy injects the token into'),
    query: Names('Query parameters that the proxy injects the token into'),
    dropped: Type.Array(
      Type.Object({
        name: Type.String(),
        why: Type.Enum(['injected', 'dropped', 'connection', 'not_sent'], {
          description:
            '`injected`: the proxy sets it; `dropped`: the type drops it; `connection`: named in `Connection`; `not_sent`: callers may not set it',
        }),
      }),
      { description: "The caller's headers that would not be forwarded" },
    ),
    limits: Type.Array(
      Type.Object({
        limit: Type.String({
          description: 'Its text; `signal`: only the marketplace limits the call',
        }),
        used: Type.Integer({
          minimum: 0,
          description: 'Calls of cost 1 that count now, also those that wait for their time',
        }),
        calls: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
          description: 'Calls of cost 1 that could start now; null: any number',
        }),
        waitMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
          description:
            'Time until a call of cost 1 could start, milliseconds; null: until one in progress ends',
        }),
        closedMs: Type.Integer({
          minimum: 0,
          description: 'Time until it opens again after a signal of the marketplace, milliseconds',
        }),
      }),
      { description: 'The limits that the call is under, as this proxy counts them' },
    ),
  }),
});
export type Step = Static<typeof StepSchema>;
type StepFacts = Omit<Step, 'step' | 'ok' | 'code' | 'reason' | 'detail'>;

/** Content of the sealed answer, instead of a release, if `explain` was requested (docs/protocol.md §5). */
export const ExplanationSchema = Type.Object({
  app: Type.String(),
  steps: Type.Array(StepSchema, { minItems: 1 }),
  /** Policy and grants for the proxy's own decision; only if a token would be released. */
  terms: Type.Optional(Type.Object({ policy: PolicySchema, grants: Type.Array(GrantSchema) })),
  session: Type.Optional(IssuedTicketSchema),
});
export type Explanation = Static<typeof ExplanationSchema>;

/** Records the steps of a decision. A step that has begun is ok unless it is rejected. */
export class Steps {
  readonly taken: Step[];

  /** @param before steps that another service has taken */
  constructor(before: readonly Step[] = []) {
    this.taken = [...before];
  }

  begin(step: StepName): void {
    this.taken.push({ step, ok: true });
  }

  record(facts: StepFacts): void {
    Object.assign(this.taken.at(-1) ?? {}, facts);
  }

  /** Ends the latest step with this error, without its cause. */
  reject({ code, options: { reason, detail } }: ServiceError): void {
    const refusal = {
      code,
      ...(reason === undefined ? {} : { reason }),
      ...(detail === undefined ? {} : { detail }),
    };
    Object.assign(this.taken.at(-1) ?? {}, { ok: false, ...refusal });
  }
}
