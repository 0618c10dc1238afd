import t from 'tap';
import { harmlessJson } from './harmless-json.ts';

harmlessJson(t, 20_000);
