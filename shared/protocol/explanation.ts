import { type Static, Type } from 'typebox';
import { type ErrorCode, errorTable, type ServiceError } from '../errors.ts';
import { GrantSchema, PolicySchema } from '../policy/schema.ts';

/** The steps of a decision in their order; `direct` is for direct apps, the last two are the proxy's own. */
const stepNames = [
  'authenticate',
  'direct',
  'url',
  'grant',
  'type',
  'destination',
  'token',
  'injection',
  'request',
  'address',
] as const;
export type StepName = (typeof stepNames)[number];

const told = (description: string) => ({ description });
const Names = (description: string) => Type.Optional(Type.Array(Type.String(), told(description)));
const Code = Type.Enum(Object.keys(errorTable) as ErrorCode[], told('Error code of a call'));

/** Why something is refused, by the names that the same call's problem would have. */
export const RefusalSchema = Type.Object({
  code: Type.Optional(Code),
  reason: Type.Optional(Type.String(told('Stable name of the check that refused'))),
  detail: Type.Optional(Type.String()),
});

/** One step of a decision, with what it found. Never a value of a secret's field. */
export const StepSchema = Type.Object({
  step: Type.Enum([...stepNames]),
  ok: Type.Boolean(),
  ...RefusalSchema.properties,
  app: Type.Optional(Type.String(told('Id of the app'))),
  url: Type.Optional(Type.String(told('The URL as it was parsed'))),
  grant: Type.Optional(
    Type.Object(
      { id: Type.String(), ...GrantSchema.properties },
      told("The app's own grant that allows the call"),
    ),
  ),
  destination: Type.Optional(Type.String(told('The destination of the type that allows the URL'))),
  expiresIn: Type.Optional(
    Type.Union([Type.Integer(), Type.Null()], told('Seconds until the token ends; null: never')),
  ),
  headers: Names('Headers that the proxy puts the token into'),
  query: Names('Query parameters that the proxy puts the token into'),
  dropped: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String(),
        why: Type.Enum(['injected', 'connection', 'not_sent'], {
          description:
            '`injected`: the proxy sets it; `connection`: named by Connection; `not_sent`: no caller may send it',
        }),
      }),
      told("The caller's headers that would not be sent"),
    ),
  ),
});
export type Step = Static<typeof StepSchema>;
type StepFacts = Omit<Step, 'step' | 'ok' | 'code' | 'reason' | 'detail'>;

/** What KeyServer seals in place of a release where `explain` is asked (docs/protocol.md §5). */
export const ExplanationSchema = Type.Object({
  app: Type.String(),
  steps: Type.Array(StepSchema, { minItems: 1 }),
  /** What the proxy would decide by; only where a token would be released. */
  terms: Type.Optional(Type.Object({ policy: PolicySchema, grants: Type.Array(GrantSchema) })),
  session: Type.Optional(
    Type.Object({ ticket: Type.String(), expiresIn: Type.Integer({ minimum: 0 }) }),
  ),
});
export type Explanation = Static<typeof ExplanationSchema>;

/** Writes down how far a decision comes: what has begun is ok unless it is refused. */
export class Steps {
  readonly taken: Step[];

  /** @param before steps that were taken elsewhere */
  constructor(before: readonly Step[] = []) {
    this.taken = [...before];
  }

  begin(step: StepName): void {
    this.taken.push({ step, ok: true });
  }

  /** Adds to the step that began last. */
  tell(facts: StepFacts): void {
    Object.assign(this.taken.at(-1) ?? {}, facts);
  }

  /** The step that began last ends in this refusal, whose cause is not told. */
  refuse({ code, options: { reason, detail } }: ServiceError): void {
    const refusal = {
      code,
      ...(reason === undefined ? {} : { reason }),
      ...(detail === undefined ? {} : { detail }),
    };
    Object.assign(this.taken.at(-1) ?? {}, { ok: false, ...refusal });
  }
}
