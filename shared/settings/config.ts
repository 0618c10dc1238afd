import { Ajv, type ErrorObject } from 'ajv';
import { memoize } from '../memoize.ts';
import { quickStart } from '../schema/compile.ts';
import type { Static, TObject } from '../schema/type.ts';
import { writableFault } from './file-mode.ts';
import { nearMisses } from './near-misses.ts';
import { isSecret, settingNames } from './setting-names.ts';
import { readText, unreadable } from './text-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that cannot be used. `faults` has a line for each fault, without any secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`settings cannot be used:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

export interface Settings<T> {
  readonly config: T;
  /** Sentences for the log, about misspelt names and unsafe settings. */
  readonly warnings: readonly string[];
}

/**
 * Returns the faults of combinations of settings, a sentence each. `config` omits the settings in `faulty`,
 * which have a fault of their own: no combination with them can be judged.
 */
export type CombinationCheck<T extends TObject> = (
  config: Partial<Static<T>>,
  faulty: ReadonlySet<string>,
) => readonly string[];

/**
 * Reads settings by a schema (docs/settings.md). An empty value counts as unset. A `writeOnly`
 * property is a secret: it can also be set as `NAME_FILE`, the path of a file with the value and at most one
 * line end. `known` are all names that something reads which shares the environment.
 * @throws ConfigError naming every fault at once, those that `combinations` returns included
 */
export function parseSettings<T extends TObject>(
  schema: T,
  environment: Environment,
  combinations: CombinationCheck<T> = () => [],
  known: readonly string[] = settingNames(schema),
): Settings<Static<T>> {
  const faults = new Map<string, string>();
  const data: Record<string, string> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const value = isSecret(property)
      ? readSecret(name, environment, faults)
      : environment[name] || undefined;
    if (value === undefined) continue;
    data[name] = hasType(property, 'boolean') ? switchText(value) : value;
    // The validator would also accept a space (as 0), hex and exponents.
    if (hasType(property, 'integer') && !/^-?\d+$/.test(value)) {
      faults.set(name, `${name} must be integer (it is ${JSON.stringify(value)})`);
    }
  }
  const warnings = nearMisses(known, Object.keys(environment));
  const { errors, settings } = convert(schema, data);
  // The fault of a secret's file says more than that the secret is missing.
  for (const [name, fault] of describeFaults(errors, schema, data)) {
    if (!faults.has(name)) faults.set(name, fault);
  }
  const config = faults.size === 0 ? (settings as Static<T>) : undefined;
  const rest = config ?? convertRest(schema, data, faults);
  const sentences = [...faults.values(), ...combinations(rest, new Set(faults.keys()))];
  // A missing setting may be present under a misspelt name.
  if (sentences.length > 0 || config === undefined)
    throw new ConfigError([...sentences, ...warnings]);
  return { config, warnings };
}

/** The validator of settings, with the options of `@fastify/env`; it compiles each schema once. */
export const settingsValidator = new Ajv({
  ...quickStart,
  allErrors: true,
  removeAdditional: true,
  useDefaults: true,
  coerceTypes: true,
});

/** A schema for `@fastify/env`, which writes to it. */
export const envSchemaOf = memoize((schema: object) => structuredClone(schema));

interface Converted {
  /** Of the types that the schema has, with its defaults. */
  readonly settings: unknown;
  readonly errors: readonly ErrorObject[];
}

function convert(schema: object, data: Readonly<Record<string, string>>): Converted {
  const settings = { ...data };
  const validate = settingsValidator.compile(envSchemaOf(schema));
  return { settings, errors: validate(settings) ? [] : (validate.errors ?? []) };
}

/** The settings that have no fault, if others have. */
function convertRest<T extends TObject>(
  schema: T,
  data: Readonly<Record<string, string>>,
  faults: ReadonlyMap<string, string>,
): Partial<Static<T>> {
  const isRight = ([name]: [string, unknown]) => !faults.has(name);
  const properties = Object.fromEntries(Object.entries(schema.properties).filter(isRight));
  const rest = Object.fromEntries(Object.entries(data).filter(isRight));
  return convert({ ...schema, properties, required: [] }, rest).settings as Partial<Static<T>>;
}

function hasType(property: object, type: 'boolean' | 'integer'): boolean {
  return 'type' in property && property.type === type;
}

/** Switches may be `1` or `0`, which the validator does not know. */
function switchText(value: string): string {
  return value === '1' ? 'true' : value === '0' ? 'false' : value;
}

function readSecret(
  name: string,
  environment: Environment,
  faults: Map<string, string>,
): string | undefined {
  const value = environment[name] || undefined;
  const file = environment[`${name}_FILE`] || undefined;
  if (file === undefined) return value;
  if (value !== undefined) {
    faults.set(name, `${name} and ${name}_FILE are both set: keep one`);
    return undefined;
  }
  try {
    return readSecretFile(name, file);
  } catch (error) {
    faults.set(name, (error as ConfigError).faults.join());
    return undefined;
  }
}

/** Reads the value of the setting `name` from the file that `NAME_FILE` names. @throws ConfigError */
export function readSecretFile(name: string, file: string): string {
  let fault: string | undefined;
  let text = '';
  try {
    fault = writableFault(file);
    if (fault === undefined) text = readText(file);
  } catch (error) {
    fault = unreadable(file, error);
  }
  if (fault !== undefined) throw new ConfigError([`${name}_FILE: ${fault}`]);
  return text.replace(/\r?\n$/, '');
}

/** The validator's faults as pairs of a setting's name and a sentence. */
function describeFaults(
  errors: readonly ErrorObject[],
  schema: TObject,
  data: Readonly<Record<string, string>>,
): [string, string][] {
  return errors.map(({ instancePath, message = 'is not valid', keyword, params }) => {
    if (keyword === 'required') {
      const missing = String(params.missingProperty);
      return [missing, `${missing} must be set`];
    }
    const name = instancePath.slice(1);
    const allowed = Array.isArray(params.allowedValues)
      ? `: ${params.allowedValues.join(', ')}`
      : '';
    const property = schema.properties[name];
    const shown = property && isSecret(property) ? '' : ` (it is ${JSON.stringify(data[name])})`;
    return [name, `${name} ${message}${allowed}${shown}`];
  });
}
