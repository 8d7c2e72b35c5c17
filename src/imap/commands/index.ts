import { append } from './append.ts';
import { authenticate } from './authenticate.ts';
import { capability } from './capability.ts';
import { check, close, unselect } from './close.ts';
import { copy, move, uidCopy, uidMove } from './copy.ts';
import { create } from './create.ts';
import { deleteMailbox } from './delete.ts';
import { enable } from './enable.ts';
import { expunge, uidExpunge } from './expunge.ts';
import { fetch, uidFetch } from './fetch.ts';
import { id } from './id.ts';
import { idle } from './idle.ts';
import { list, lsub, xlist } from './list.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { namespace } from './namespace.ts';
import { noop } from './noop.ts';
import { rename } from './rename.ts';
import { search, uidSearch } from './search.ts';
import { examine, select } from './select.ts';
import { starttls } from './starttls.ts';
import { status } from './status.ts';
import { store, uidStore } from './store.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import type { CommandDefinition } from './types.ts';

/** By the states of RFC 3501 section 3. */
const definitions: readonly CommandDefinition[] = [
  // any
  capability,
  id,
  logout,
  noop,
  // not authenticated
  authenticate,
  login,
  starttls,
  // authenticated
  append,
  create,
  deleteMailbox,
  enable,
  examine,
  idle,
  list,
  lsub,
  namespace,
  rename,
  select,
  status,
  subscribe,
  unsubscribe,
  xlist,
  // selected
  check,
  close,
  copy,
  expunge,
  fetch,
  move,
  search,
  store,
  uidCopy,
  uidExpunge,
  uidFetch,
  uidMove,
  uidSearch,
  uidStore,
  unselect,
];

/** Every command that the engine knows, by its name in upper case. */
export const COMMANDS: ReadonlyMap<string, CommandDefinition> = new Map(
  definitions.map(definition => [definition.name, definition]),
);
