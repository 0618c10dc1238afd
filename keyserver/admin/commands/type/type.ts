import { describeInjection } from '../../../../shared/policy/injection/injection.ts';
import type { LimitSignal, Policy, RoutedBy } from '../../../../shared/policy/schema.ts';
import { describeCa } from '../../../operations/changes/describe-ca.ts';
import { checkAllOpen, listDocuments, readDocument } from '../../../operations/documents.ts';
import { listTokens } from '../../../operations/tokens.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';
import type { Session } from '../../shell/session.ts';
import { record } from '../../shell/text/table.ts';
import { changeConfirmed } from '../confirm-change.ts';
import { addUndo } from '../undo.ts';
import { addUnverified, verificationOf } from '../unverified.ts';
import { addEdit } from './edit.ts';
import { addPut } from './put.ts';

export function defineType(type: AdminCommand, session: Session): void {
  type.examples(
    "keyserver-admin type put wildberries --destination https://api.example.com --header 'Authorization: {token}'",
    'keyserver-admin type show wildberries',
  );
  addPut(type, session);
  addEdit(type, session);
  addList(type, session);
  addShow(type, session);
  addDelete(type, session);
  addUndo(type, session, 'type');
}

function addList(type: AdminCommand, session: Session): void {
  addUnverified(type.command('list'))
    .description('Lists the token types.')
    .examples('keyserver-admin type list')
    .reading(session, async (context) => {
      const { members, heading, cell, opens } = verificationOf(context);
      const types = await listDocuments(context, 'type');
      session.out.list(types, {
        value: ({ id, content }) => ({
          id,
          ...members,
          opens: opens(content),
          policy: content ?? null,
        }),
        headings: ['type', 'destinations', 'injects', 'ca', ...heading],
        cells: ({ id, content }) =>
          content
            ? [
                id,
                content.destinations.join(', '),
                describeInjection(content.injection),
                content.ca ? describeCa(content.ca) : 'default',
                ...cell,
              ]
            : [id, 'does not open', '', '', ...cell],
        empty: 'no types',
      });
      checkAllOpen('type', types);
    });
}

function addShow(type: AdminCommand, session: Session): void {
  addUnverified(type.command('show'))
    .description('Shows a token type.')
    .argument('<type>', 'its name')
    .examples('keyserver-admin type show wildberries')
    .reading(session, async (context, id: string) => {
      const { members, cells } = verificationOf(context);
      const policy = await readDocument(context, 'type', id);
      session.out.result(
        { id, ...members, policy },
        record({ type: id, ...cells, ...describePolicy(policy) }),
      );
    });
}

function describePolicy(policy: Policy): Record<string, string> {
  const listed = (heading: string, list: readonly string[] | undefined) =>
    list && { [heading]: list.join(', ') };
  return {
    destinations: policy.destinations.join(', '),
    ...listed('plain destinations', policy.plainDestinations),
    injects: describeInjection(policy.injection),
    ca: policy.ca ? describeCa(policy.ca) : 'default',
    'cache seconds': String(policy.cacheSeconds ?? 'default'),
    scrubbing: policy.scrub === false ? 'off' : 'on',
    ...listed('public fields', policy.publicFields),
    ...listed('redacted members', policy.redactMembers),
    ...(policy.probe && { probe: `${policy.probe.method} ${policy.probe.url}` }),
    ...(policy.preset && { preset: describeMade(policy.preset) }),
    ...listed('limits', policy.limits),
    ...(policy.limitSignal && { 'limit signal': describeSignal(policy.limitSignal) }),
    ...(policy.retry && { retries: describeRetry(policy.retry) }),
    ...(policy.routedBy && { 'routed by': describeRouting(policy.routedBy) }),
    ...listed('dropped query', policy.dropQuery),
    ...listed('dropped headers', policy.dropHeaders),
    ...listed('token endpoints', policy.tokenEndpoints),
    ...listed('key members', policy.keyMembers),
    ...(policy.errorBody && { 'error body': JSON.stringify(policy.errorBody) }),
    ...(policy.unsafePlaintext && { 'unsafe plaintext': 'allowed' }),
    ...listed('unsafe private', policy.unsafeAllowPrivate),
  };
}

function describeMade({ id, revision, auth, sandbox }: NonNullable<Policy['preset']>): string {
  return `${id}, ${auth}${sandbox ? ', sandbox' : ''}, revision ${revision}`;
}

function describeRetry({ max, methods = [] }: NonNullable<Policy['retry']>): string {
  return [
    max === undefined ? 'default' : `${max} at most`,
    ...methods.map((one) => `also ${one}`),
  ].join(', ');
}

function describeRouting({ query, form, body }: RoutedBy): string {
  return [
    ...(query ? [`query ${query.join(' ')}`] : []),
    ...(form ? [`form ${form.join(' ')}`] : []),
    ...(body ? ['body'] : []),
  ].join(', ');
}

function describeSignal({ statuses, bodies = [], maxSeconds }: LimitSignal): string {
  return [
    `status ${statuses?.join(' ') ?? 'default'}`,
    ...bodies.map(({ status, contains }) => `status ${status} with ${JSON.stringify(contains)}`),
    `at most ${maxSeconds === undefined ? 'the default time' : `${maxSeconds} s`}`,
  ].join(', ');
}

function addDelete(type: AdminCommand, session: Session): void {
  type
    .command('delete')
    .description('Deletes a token type. Its tokens stay stored, and are not released.')
    .argument('<type>', 'its name')
    .option('--yes', 'do it without being asked')
    .examples('keyserver-admin type delete wildberries --yes')
    .operation(session, async (context, id: string, { yes }: { yes?: boolean }) => {
      const consequences = await changeConfirmed(session, context, {
        ...{ doing: `deleting the type ${id}`, yes, isAlwaysAsked: true },
        draft: (stored) => stored.deletion('type', id),
      });
      const { length: tokensLeft } = await listTokens(context, { type: id });
      session.out.result({ id, deleted: true, tokensLeft, consequences }, `deleted ${id}`);
    });
}
