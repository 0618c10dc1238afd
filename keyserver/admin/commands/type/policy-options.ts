import { resolve } from 'node:path';
import type { ErrorBody } from '../../../../shared/policy/answers/error-body.ts';
import { defaultInjection } from '../../../../shared/policy/injection/schema.ts';
import {
  isMethod,
  type LimitBody,
  type LimitSignal,
  type Method,
  type Policy,
  PolicySchema,
  type Probe,
  type RoutedBy,
} from '../../../../shared/policy/schema.ts';
import { hasRepeatedMember, parseObject } from '../../../../shared/schema/json-object.ts';
import { ConfigError } from '../../../../shared/settings/config.ts';
import { ofSetting } from '../../../../shared/settings/faults.ts';
import { readTrustedFile } from '../../../../shared/settings/private-file.ts';
import { hasBrokenBlock, pemBlocks } from '../../../../shared/tls/pem.ts';
import type { ListMember, Lists, PolicyPatch } from '../../../operations/changes/edit-policy.ts';
import { inputInvalid } from '../../../operations/operation-error.ts';
import { injectionFromOptions, type OptionValues, optionValue } from './injection-options.ts';

/** The options of `type put` and `type edit`, but for lists; false with `--no-…`. */
export interface PolicyOptions extends OptionValues {
  readonly unsafePlaintext?: boolean;
  readonly caFile?: string;
  readonly cacheSeconds?: string | false;
  readonly scrub?: boolean;
  readonly probe?: string | false;
  readonly limitStatus?: readonly string[];
  readonly limitBody?: readonly string[];
  readonly limitMaxSeconds?: string;
  readonly retry?: string | false;
  readonly retryMethod?: readonly string[];
  readonly routedByQuery?: readonly string[];
  readonly routedByForm?: readonly string[];
  readonly routedByBody?: boolean;
  readonly errorBody?: string | false;
}

export const lists: Readonly<Record<ListMember, readonly [name: string, of: string]>> = {
  destinations: ['destination', 'origin'],
  plainDestinations: ['plain-destination', 'origin'],
  unsafeAllowPrivate: ['unsafe-allow-private', 'cidr'],
  publicFields: ['public-field', 'field'],
  redactMembers: ['redact-member', 'name'],
  limits: ['limit', 'rule'],
  dropQuery: ['drop-query', 'name'],
  dropHeaders: ['drop-header', 'name'],
  tokenEndpoints: ['token-endpoint', 'url'],
  keyMembers: ['key-member', 'name'],
};

/** The lists that options have whose names begin with `prefix`. */
export function listsFromOptions(options: OptionValues, prefix = ''): Lists {
  return Object.fromEntries(
    Object.entries(lists).flatMap(([member, [name]]) => {
      const value = optionValue(options, prefix + name);
      return Array.isArray(value) ? [[member, value]] : [];
    }),
  );
}

const withoutOptions: Policy = { destinations: [], injection: defaultInjection };

/**
 * Builds a policy, which putType validates; files are relative to `folder`, and `base` has what no option says.
 * @throws OperationError input_invalid
 */
export function policyFromOptions(
  options: PolicyOptions,
  folder: string,
  base = withoutOptions,
): Policy {
  const { destinations = base.destinations, ...others } = listsFromOptions(options);
  const injection = injectionFromOptions(options, base.injection);
  const given: Readonly<Record<string, unknown>> = {
    ...others,
    ...valuesFromOptions(options, folder),
  };
  const members = Object.keys(PolicySchema.properties)
    .filter((member) => given[member] !== undefined)
    .map((member) => [member, given[member]]);
  return { ...base, destinations: [...destinations], injection, ...Object.fromEntries(members) };
}

/** Members that `--no-…` sets back. */
const clearable = ['ca', 'cacheSeconds', 'probe', 'limitSignal', 'retry', 'routedBy', 'errorBody'];

/** Members that are no lists; undefined for the default. @throws OperationError input_invalid */
export function valuesFromOptions(options: PolicyOptions, folder: string): PolicyPatch['set'] {
  const { unsafePlaintext, caFile, cacheSeconds, scrub, probe, errorBody } = options;
  const limitSignal = signalFromOptions(options);
  const retry = retryFromOptions(options);
  const routedBy = routingFromOptions(options);
  const cleared = clearable.filter((member) => options[member] === false);
  return {
    ...Object.fromEntries(cleared.map((member) => [member, undefined])),
    ...(unsafePlaintext !== undefined && { unsafePlaintext: unsafePlaintext || undefined }),
    ...(caFile !== undefined && { ca: readCa(caFile, folder) }),
    ...(typeof cacheSeconds === 'string' && {
      cacheSeconds: parseWhole('--cache-seconds', cacheSeconds, 'it is 0 to 300 seconds'),
    }),
    ...(limitSignal && { limitSignal }),
    ...(retry && { retry }),
    ...(routedBy && { routedBy }),
    ...(scrub !== undefined && { scrub: scrub ? undefined : false }),
    ...(typeof probe === 'string' && { probe: parseProbe(probe) }),
    ...(typeof errorBody === 'string' && { errorBody: parseErrorBody(errorBody) }),
  };
}

function routingFromOptions({
  routedByQuery: query,
  routedByForm: form,
  routedByBody: body,
}: PolicyOptions): RoutedBy | undefined {
  if (query === undefined && form === undefined && !body) return undefined;
  return {
    ...(query && { query: [...query] }),
    ...(form && { form: [...form] }),
    ...(body && { body }),
  };
}

/** Undefined if no option is of the signal. @throws OperationError input_invalid */
function signalFromOptions({
  limitStatus,
  limitBody,
  limitMaxSeconds,
}: PolicyOptions): LimitSignal | undefined {
  if ([limitStatus, limitBody, limitMaxSeconds].every((option) => option === undefined)) {
    return undefined;
  }
  return {
    ...(limitStatus && {
      statuses: limitStatus.map((text) =>
        parseWhole('--limit-status', text, 'it is a status, such as 429'),
      ),
    }),
    ...(limitBody && { bodies: limitBody.map(parseLimitBody) }),
    ...(limitMaxSeconds !== undefined && {
      maxSeconds: parseWhole('--limit-max-seconds', limitMaxSeconds, 'it is 1 to 86400 seconds'),
    }),
  };
}

function parseLimitBody(option: string): LimitBody {
  const [, status, contains = ''] = /^(\d{3}):(.+)$/s.exec(option) ?? [];
  if (status === undefined) {
    throw inputInvalid(
      `--limit-body ${JSON.stringify(option)} is not a status and a text`,
      'write it as 200:ApiCallLimit',
    );
  }
  return { status: Number(status), contains };
}

/** Undefined if no option is of retries. @throws OperationError input_invalid */
function retryFromOptions({ retry, retryMethod }: PolicyOptions): Policy['retry'] {
  if (typeof retry !== 'string' && retryMethod === undefined) return undefined;
  return {
    ...(typeof retry === 'string' && { max: parseWhole('--retry', retry, 'it is 1 to 5') }),
    ...(retryMethod && { methods: retryMethod.map(retriedMethod) }),
  };
}

function retriedMethod(text: string): Method {
  if (isMethod(text)) return text;
  throw inputInvalid(
    `--retry-method ${JSON.stringify(text)} is none`,
    'it is a method, such as PUT',
  );
}

function parseProbe(text: string): Probe {
  const [, method = '', url] = /^(\S+) +(\S+)$/.exec(text.trim()) ?? [];
  if (url !== undefined && isMethod(method)) return { method, url };
  throw inputInvalid(
    '--probe is not a method and a URL',
    "example: --probe 'GET https://api.example.com/v1/me'",
  );
}

function parseErrorBody(text: string): ErrorBody {
  const body = parseObject(text);
  if (body !== undefined) {
    if (!hasRepeatedMember(text)) return body;
    throw inputInvalid('--error-body has a member twice', 'give each member once');
  }
  throw inputInvalid(
    '--error-body is not a JSON object',
    `example: --error-body '{"code":"{code}","message":"{detail}"}'`,
  );
}

/** Without the text that bundles have around their certificates. */
function readCa(file: string, folder: string): string {
  const text = readText(resolve(folder, file));
  if (hasBrokenBlock(text)) {
    throw inputInvalid(
      'the file of --ca-file has a PEM block that is truncated or encrypted',
      'name a PEM file of certificates',
    );
  }
  const blocks = pemBlocks(text);
  if (blocks.length > 0) return `${blocks.join('\n')}\n`;
  throw inputInvalid('the file that --ca-file names holds no certificate', 'name a PEM file');
}

function readText(file: string): string {
  try {
    return ofSetting('--ca-file', () => readTrustedFile(file));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw inputInvalid(error.faults.join(), 'name a PEM file of certificates');
  }
}

function parseWhole(option: string, text: string, hint: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw inputInvalid(`${option} ${JSON.stringify(text)} is not an integer`, hint);
}
