/** The package's exports hide its types; its interface is that of better-sqlite3. */
declare module 'better-sqlite3-multiple-ciphers' {
  import Database from 'better-sqlite3';

  export = Database;
}
