/** How a command of a client is treated while it has an upstream. */
export type Route =
  /** Belongs to our own hop: CAPABILITY, ID, LOGOUT. */
  | 'engine'
  /** About the selected mailbox: goes where that is. */
  | 'selected'
  | 'copy'
  /** Names one mailbox as its first argument. */
  | 'mailbox'
  | 'select'
  | 'append'
  | 'rename'
  | 'list'
  | 'noop'
  | 'idle'
  | 'enable'
  | 'notify'
  /** Names a quota root, or a mailbox whose roots are ours and the upstream's. */
  | 'quota'
  | 'quotaroot'
  /** The upstream's alone. */
  | 'upstream';

const ROUTES: Record<Route, readonly string[]> = {
  engine: ['CAPABILITY', 'COMPRESS', 'ID', 'LOGOUT', 'LOGIN', 'AUTHENTICATE', 'STARTTLS'],
  selected: [
    'CANCELUPDATE',
    'CHECK',
    'CLOSE',
    'EXPUNGE',
    'FETCH',
    'SEARCH',
    'SORT',
    'STORE',
    'THREAD',
    'UID EXPUNGE',
    'UID FETCH',
    'UID SEARCH',
    'UID SORT',
    'UID STORE',
    'UID THREAD',
    'UNSELECT',
  ],
  copy: ['COPY', 'MOVE', 'UID COPY', 'UID MOVE'],
  mailbox: [
    'CREATE',
    'DELETE',
    'DELETEACL',
    'GETACL',
    'LISTRIGHTS',
    'MYRIGHTS',
    'SETACL',
    'STATUS',
    'SUBSCRIBE',
    'UNSUBSCRIBE',
  ],
  select: ['SELECT', 'EXAMINE'],
  append: ['APPEND'],
  rename: ['RENAME'],
  list: ['LIST', 'LSUB', 'XLIST'],
  noop: ['NOOP'],
  idle: ['IDLE'],
  enable: ['ENABLE'],
  notify: ['NOTIFY'],
  quota: ['GETQUOTA'],
  quotaroot: ['GETQUOTAROOT'],
  upstream: ['NAMESPACE'],
};

const BY_NAME = new Map<string, Route>(
  Object.entries(ROUTES).flatMap(([route, names]) => names.map(name => [name, route as Route] as const)),
);

const CAPABILITIES: Record<string, string> = {
  CANCELUPDATE: 'CONTEXT=SEARCH',
  DELETEACL: 'ACL',
  GETACL: 'ACL',
  LISTRIGHTS: 'ACL',
  MYRIGHTS: 'ACL',
  NOTIFY: 'NOTIFY',
  SETACL: 'ACL',
  SORT: 'SORT',
  THREAD: 'THREAD=REFERENCES',
  'UID SORT': 'SORT',
  'UID THREAD': 'THREAD=REFERENCES',
};

/** The capability without which a command is unknown on an upstream's account; null where there is none such. */
export function capabilityOf(name: string): string | null {
  return CAPABILITIES[name] ?? null;
}

/**
 * An unlisted command goes to the engine, which refuses it: a command of an extension that is not advertised must not
 * work in one folder and fail in the next.
 */
export function routeOf(name: string): Route {
  return BY_NAME.get(name) ?? 'engine';
}
