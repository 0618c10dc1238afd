import t from 'tap';
import { eachStore } from '../../support/database.ts';
import { changeAtOnce } from './concurrent-changes.ts';

await eachStore(t, (test, openStore) => changeAtOnce(test, openStore, 400));
