/** What a client or an upstream may make us hold. Octets unless said otherwise. */
export const LIMITS = {
  /** Command line before login: a LOGIN with a long password fits, a memory attack does not. */
  lineBeforeLogin: 8 * 1024,
  /** Command line after login: clients send UID sets of tens of kilobytes (Dovecot takes 64 KiB). */
  lineAfterLogin: 128 * 1024,
  /** A literal that is an argument (mailbox name, search string), not a message. */
  argumentLiteral: 8 * 1024,
  /** All lines and argument literals of one command together. */
  command: 512 * 1024,
  /** Octets of a refused non-synchronising literal that are read and thrown away; beyond it the connection ends. */
  discardedLiteral: 16 * 1024 * 1024,
  /** Nesting of parentheses in a command (CVE-2026-27857: memory spent on parentheses before login). */
  nesting: 50,
  tag: 128,
  /** Commands that could not be understood before the connection is closed. */
  badCommandsBeforeLogin: 3,
  badCommandsAfterLogin: 50,
  /** A line of the upstream, literals apart (Dovecot's imapc allows 1 MiB). */
  upstreamLine: 1024 * 1024,
  /** Commands of one client that the upstream has not answered. */
  outstandingCommands: 500,
  /** Untagged data gathered for one of our own commands to the upstream (a FETCH's flags, a LIST). */
  upstreamAnswer: 16 * 1024 * 1024,
  /** Output waiting for a slow client before its command is made to wait. */
  pendingOutput: 256 * 1024,
  loginMilliseconds: 60_000,
  /** A client that says a little now and then, and never logs in. */
  beforeLoginMilliseconds: 3 * 60_000,
  /** RFC 3501 section 5.4: at least 30 minutes. */
  idleMilliseconds: 31 * 60_000,
  /** A client that does not close its side when it has been said goodbye to. */
  partingMilliseconds: 5_000,
  /** A client that reads nothing of what was sent to it. */
  stalledWriteMilliseconds: 5 * 60_000,
} as const;
