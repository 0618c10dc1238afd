import { resolve } from 'node:path';
import type { ErrorBody } from '../../../../shared/policy/answers/error-body.ts';
import { defaultInjection } from '../../../../shared/policy/injection/schema.ts';
import {
  isMethod,
  type LimitBody,
  type LimitSignal,
  type Method,
  type Policy,
  type Probe,
  type RoutedBy,
} from '../../../../shared/policy/schema.ts';
import { ConfigError } from '../../../../shared/settings/config.ts';
import { ofSetting } from '../../../../shared/settings/faults.ts';
import { readTrustedFile } from '../../../../shared/settings/private-file.ts';
import { hasBrokenBlock, pemBlocks } from '../../../../shared/tls/pem.ts';
import { inputInvalid } from '../../../operations/operation-error.ts';
import { injectionFromOptions, type OptionValues } from './injection-options.ts';

/** The options of `type put`. */
export interface PolicyOptions extends OptionValues {
  readonly destination?: readonly string[];
  readonly plainDestination?: readonly string[];
  readonly unsafePlaintext?: boolean;
  readonly unsafeAllowPrivate?: readonly string[];
  readonly caFile?: string;
  readonly cacheSeconds?: string;
  readonly scrub: boolean;
  readonly publicField?: readonly string[];
  readonly redactMember?: readonly string[];
  readonly probe?: string;
  readonly limit?: readonly string[];
  readonly limitStatus?: readonly string[];
  readonly limitBody?: readonly string[];
  readonly limitMaxSeconds?: string;
  readonly retry?: string;
  readonly retryMethod?: readonly string[];
  readonly routedByQuery?: readonly string[];
  readonly routedByForm?: readonly string[];
  readonly routedByBody?: boolean;
  readonly dropQuery?: readonly string[];
  readonly dropHeader?: readonly string[];
  readonly tokenEndpoint?: readonly string[];
  readonly keyMember?: readonly string[];
  readonly errorBody?: string;
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
  const {
    destination = base.destinations,
    plainDestination,
    unsafePlaintext,
    unsafeAllowPrivate,
    caFile,
    cacheSeconds,
  } = options;
  const { scrub, publicField, redactMember, probe, limit, dropQuery, dropHeader } = options;
  const { tokenEndpoint, keyMember, errorBody } = options;
  const limitSignal = signalFromOptions(options);
  const retry = retryFromOptions(options);
  const routedBy = routingFromOptions(options);
  return {
    ...base,
    destinations: [...destination],
    injection: injectionFromOptions(options, base.injection),
    ...(plainDestination && { plainDestinations: [...plainDestination] }),
    ...(unsafePlaintext && { unsafePlaintext }),
    ...(unsafeAllowPrivate && { unsafeAllowPrivate: [...unsafeAllowPrivate] }),
    ...(caFile !== undefined && { ca: readCa(caFile, folder) }),
    ...(cacheSeconds !== undefined && { cacheSeconds: parseSeconds(cacheSeconds) }),
    ...(!scrub && { scrub }),
    ...(publicField && { publicFields: [...publicField] }),
    ...(redactMember && { redactMembers: [...redactMember] }),
    ...(probe !== undefined && { probe: parseProbe(probe) }),
    ...(limit && { limits: [...limit] }),
    ...(limitSignal && { limitSignal }),
    ...(retry && { retry }),
    ...(routedBy && { routedBy }),
    ...(dropQuery && { dropQuery: [...dropQuery] }),
    ...(dropHeader && { dropHeaders: [...dropHeader] }),
    ...(tokenEndpoint && { tokenEndpoints: [...tokenEndpoint] }),
    ...(keyMember && { keyMembers: [...keyMember] }),
    ...(errorBody !== undefined && { errorBody: parseErrorBody(errorBody) }),
  };
}

/** Undefined if no option is of it. */
export function routingFromOptions({
  routedByQuery: query,
  routedByForm: form,
  routedByBody: body,
}: Pick<PolicyOptions, 'routedByQuery' | 'routedByForm' | 'routedByBody'>): RoutedBy | undefined {
  if (query === undefined && form === undefined && !body) return undefined;
  return {
    ...(query && { query: [...query] }),
    ...(form && { form: [...form] }),
    ...(body && { body }),
  };
}

/** Undefined if no option is of the signal. @throws OperationError input_invalid */
export function signalFromOptions({
  limitStatus,
  limitBody,
  limitMaxSeconds,
}: Pick<PolicyOptions, 'limitStatus' | 'limitBody' | 'limitMaxSeconds'>): LimitSignal | undefined {
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
export function retryFromOptions({
  retry,
  retryMethod,
}: {
  readonly retry?: string | boolean | undefined;
  readonly retryMethod?: readonly string[] | undefined;
}): Policy['retry'] {
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

/** @throws OperationError input_invalid */
export function parseProbe(text: string): Probe {
  const [, method = '', url] = /^(\S+) +(\S+)$/.exec(text.trim()) ?? [];
  if (url !== undefined && isMethod(method)) return { method, url };
  throw inputInvalid(
    '--probe is not a method and a URL',
    "example: --probe 'GET https://api.example.com/v1/me'",
  );
}

/** @throws OperationError input_invalid */
export function parseErrorBody(text: string): ErrorBody {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as ErrorBody;
    }
  } catch {
    // Not JSON: told below.
  }
  throw inputInvalid(
    '--error-body is not a JSON object',
    `example: --error-body '{"code":"{code}","message":"{detail}"}'`,
  );
}

/** Without the text that bundles have around their certificates. */
export function readCa(file: string, folder: string): string {
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

export function parseSeconds(text: string): number {
  return parseWhole('--cache-seconds', text, 'it is 0 to 300 seconds');
}

function parseWhole(option: string, text: string, hint: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw inputInvalid(`${option} ${JSON.stringify(text)} is not an integer`, hint);
}
