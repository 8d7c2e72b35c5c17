import type { Session } from './session.ts';

/** What the engine can do before login. */
const BEFORE_LOGIN = ['IMAP4rev1', 'SASL-IR', 'LITERAL+', 'ID', 'ENABLE', 'IDLE'];

/**
 * What the engine can do on a view after login. On an upstream's account the client is told the intersection of this
 * list and the upstream's, so each name missing here is taken from the user in his own mailbox.
 */
export const ENGINE_CAPABILITIES: readonly string[] = [
  'IMAP4rev1',
  'IMAP4rev2',
  'SASL-IR',
  'LITERAL+',
  'ID',
  'COMPRESS=DEFLATE',
  'ENABLE',
  'IDLE',
  'NAMESPACE',
  'UIDPLUS',
  'UNSELECT',
  'CHILDREN',
  'SPECIAL-USE',
  'CREATE-SPECIAL-USE',
  'MOVE',
  'LIST-EXTENDED',
  'LIST-STATUS',
  // Superseded by SPECIAL-USE: the Outlooks of ten years ago find the sent folder by it.
  'XLIST',
  'STATUS=SIZE',
  'ESEARCH',
  'WITHIN',
  'SEARCHRES',
  'OBJECTID',
  'SAVEDATE',
  'PREVIEW',
  'PREVIEW=FUZZY',
  'SNIPPET=FUZZY',
  'BINARY',
  'MULTIAPPEND',
  'CATENATE',
  'URL-PARTIAL',
  'CONTEXT=SEARCH',
  'SEARCH=FUZZY',
  // SEARCH finds all that i;unicode-casemap finds, and what differs by accents as well.
  'I18NLEVEL=1',
  'SORT',
  'SORT=DISPLAY',
  'ESORT',
  'THREAD=REFERENCES',
  'THREAD=REFS',
  'THREAD=ORDEREDSUBJECT',
  'CONDSTORE',
  'QRESYNC',
  'UTF8=ACCEPT',
  'QUOTA',
  'QUOTA=RES-STORAGE',
  'ACL',
  'RIGHTS=texk',
  'NOTIFY',
];

/** What holds on our own hop, whatever the upstream can do. */
export const HOP_CAPABILITIES: readonly string[] = [
  'IMAP4rev1',
  'SASL-IR',
  'LITERAL+',
  'ID',
  'XLIST',
  'COMPRESS=DEFLATE',
  'QUOTA',
];

/** The capabilities to tell this session's client now. */
function capabilities(session: Session): readonly string[] {
  if (session.account === null) {
    const list = [...BEFORE_LOGIN];
    if (session.startTls !== null) list.push('STARTTLS');
    list.push(...(session.secure ? ['AUTH=PLAIN', 'AUTH=LOGIN'] : ['LOGINDISABLED']));
    return list;
  }
  if (session.relay !== null) return session.relay.capabilities;
  return [...ENGINE_CAPABILITIES, `APPENDLIMIT=${session.services.config.limits.messageBytes}`];
}

/** `[CAPABILITY ...]` for greeting and login. */
export function capabilityCode(session: Session): string {
  return `[${capabilityText(session)}]`;
}

/** `CAPABILITY ...` */
export function capabilityText(session: Session): string {
  return `CAPABILITY ${capabilities(session).join(' ')}`;
}
