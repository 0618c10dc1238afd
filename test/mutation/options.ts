import { LocalError } from '../../local/local-error.ts';
import { type Group, groups } from './groups.ts';

/** Reads the names that CONTRIBUTING.md shows: the groups whose names begin so; all without any. @throws LocalError */
export function readMutationOptions(args: readonly string[]): readonly Group[] {
  const isOf = (group: Group) => (name: string) => group.name.startsWith(name);
  // Otherwise a misspelt name would pass as success.
  const unknown = args.find((name) => !groups.some((group) => isOf(group)(name)));
  if (unknown !== undefined) throw new LocalError(`no group's name begins with ${unknown}`);
  return args.length === 0 ? groups : groups.filter((group) => args.some(isOf(group)));
}
