import { deleteAcl, getAcl, listRights, myRights, setAcl } from './acl.ts';
import { append } from './append.ts';
import { authenticate } from './authenticate.ts';
import { cancelUpdate } from './cancel-update.ts';
import { capability } from './capability.ts';
import { check, close, unselect } from './close.ts';
import { compress } from './compress.ts';
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
import { notify } from './notify.ts';
import { getQuota, getQuotaRoot, setQuota } from './quota.ts';
import { rename } from './rename.ts';
import { search, uidSearch } from './search.ts';
import { examine, select } from './select.ts';
import { sort, uidSort } from './sort.ts';
import { starttls } from './starttls.ts';
import { status } from './status.ts';
import { store, uidStore } from './store.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { thread, uidThread } from './thread.ts';
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
  compress,
  create,
  deleteAcl,
  deleteMailbox,
  enable,
  examine,
  getAcl,
  getQuota,
  getQuotaRoot,
  idle,
  list,
  listRights,
  lsub,
  myRights,
  namespace,
  notify,
  rename,
  select,
  setAcl,
  setQuota,
  status,
  subscribe,
  unsubscribe,
  xlist,
  // selected
  cancelUpdate,
  check,
  close,
  copy,
  expunge,
  fetch,
  move,
  search,
  sort,
  store,
  thread,
  uidCopy,
  uidExpunge,
  uidFetch,
  uidMove,
  uidSearch,
  uidSort,
  uidStore,
  uidThread,
  unselect,
];

/** Every command that the engine knows, by its name in upper case. */
export const COMMANDS: ReadonlyMap<string, CommandDefinition> = new Map(
  definitions.map(definition => [definition.name, definition]),
);
