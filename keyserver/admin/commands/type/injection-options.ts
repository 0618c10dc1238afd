import { Option } from 'commander';
import { describeInjection } from '../../../../shared/policy/injection/injection.ts';
import { defaultInjection, type Injection } from '../../../../shared/policy/injection/schema.ts';
import type { Notation, Pair } from '../../../../shared/policy/injection/scheme.ts';
import { schemes } from '../../../../shared/policy/injection/schemes.ts';
import { inputInvalid, type OperationError } from '../../../operations/operation-error.ts';
import type { AdminCommand } from '../../shell/admin-command.ts';

const notations: readonly Notation<Injection>[] = schemes.map(({ notation }) => notation);

/** Adds the option of every scheme, which {@link injectionFromOptions} reads. */
export function addInjectionOptions(command: AdminCommand): AdminCommand {
  for (const { name, placeholder, form, isList } of notations) {
    const flags = `--${name} <${placeholder}>`;
    if (isList) command.repeatable(flags, `'${form}'`);
    else command.option(flags, `'${form}'`);
  }
  return command;
}

export const defaultInjectionNote = `Without ${listed(notations)} the token is sent as "${describeInjection(defaultInjection)}".`;

/** Options as commander gives them: by name, a list for those that are repeatable. */
export type OptionValues = Readonly<
  Record<string, string | readonly string[] | boolean | undefined>
>;

/** The value of an option by its name in the command line. */
export function optionValue(options: OptionValues, name: string): OptionValues[string] {
  return options[new Option(`--${name}`).attributeName()];
}

/** Reads the option of one scheme; `absent` if there is none. @throws OperationError input_invalid */
export function injectionFromOptions<T>(options: OptionValues, absent: T): Injection | T {
  const given = notations.filter((notation) => textsOf(options, notation).length > 0);
  const [notation] = given;
  if (notation === undefined) return absent;
  if (given.length > 1) {
    throw inputInvalid(
      `a type has only one of ${listed(notations)}`,
      'keep the one that the marketplace documents',
    );
  }
  const pairs = textsOf(options, notation).map((text) => split(text, notation));
  checkDistinct(pairs, notation);
  const read = notation.isList ? notation.read(pairs) : notation.read(pairs[0] as Pair);
  if ('fault' in read) throw invalid(`--${notation.name} ${read.fault}`, notation);
  return read;
}

function textsOf(options: OptionValues, { name }: Notation<Injection>): string[] {
  return [optionValue(options, name)].flat().filter((text) => typeof text === 'string');
}

function split(text: string, notation: Notation<Injection>): Pair {
  const { name, separator } = notation;
  const at = text.indexOf(separator);
  const pair: Pair = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at > 0 && pair[0] !== '' && pair[1] !== '') return pair;
  throw invalid(`--${name} needs two parts separated by ${JSON.stringify(separator)}`, notation);
}

function checkDistinct(pairs: readonly Pair[], { name }: Notation<Injection>): void {
  const firsts = pairs.map(([first]) => first);
  const double = firsts.find((first, at) => firsts.indexOf(first) < at);
  if (double === undefined) return;
  throw inputInvalid(`--${name} names ${JSON.stringify(double)} twice`, 'give each name once');
}

function invalid(message: string, { name, example }: Notation<Injection>): OperationError {
  return inputInvalid(message, `example: --${name} '${example}'`);
}

/** Without `Intl`, whose tables take a tenth of a second to load. */
function listed(named: readonly Notation<Injection>[]): string {
  const names = named.map(({ name }) => `--${name}`);
  return [names.slice(0, -1).join(', '), ...names.slice(-1)].filter(Boolean).join(' and ');
}
