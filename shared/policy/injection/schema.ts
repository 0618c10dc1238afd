import { type Static, Type } from '../../schema/type.ts';
import type { Scheme } from './scheme.ts';
import { schemes } from './schemes.ts';

type SchemasOf<Rows extends readonly Scheme[]> = {
  -readonly [At in keyof Rows]: Rows[At]['schema'];
};

export const InjectionSchema = Type.Union(
  schemes.map(({ schema }) => schema) as SchemasOf<typeof schemes>,
);
export type Injection = Static<typeof InjectionSchema>;

/** The injection of a type that is defined without one. */
export const defaultInjection: Injection = {
  scheme: 'headers',
  headers: { Authorization: 'Bearer {token}' },
};
