import type { SignatureOutcome } from '../../pec/types.ts';
import type { AccountContext, TreeRow } from '../database/context.ts';
import { MAX_KEYWORD_CHARS, MAX_KEYWORDS } from '../limits.ts';
import { type Flag, StoreError } from '../types.ts';

export const SEEN = 1;
export const DELETED = 8;
const SYSTEM: readonly (readonly [bit: number, flag: Flag])[] = [
  [SEEN, '\\Seen'],
  [2, '\\Answered'],
  [4, '\\Flagged'],
  [DELETED, '\\Deleted'],
  [16, '\\Draft'],
];
export const SYSTEM_FLAGS: readonly Flag[] = SYSTEM.map(([, flag]) => flag);

export const CONSERVED = '$Conservato';
export const REFUSED = '$Rifiutato';
const SIGNATURE_VALID = '$FirmaValida';
const SIGNATURE_INVALID = '$FirmaNonValida';
/** Keywords that only Archivia sets and removes. */
const RESERVED: ReadonlySet<string> = new Set(['$conservato', '$rifiutato', '$firmavalida', '$firmanonvalida']);

/** Flags as columns of an entry: system flags as bits, keywords as names. */
export interface FlagSet {
  readonly bits: number;
  readonly keywords: readonly Flag[];
}

export function isReserved(keyword: Flag): boolean {
  return RESERVED.has(keyword.toLowerCase());
}

export function isSignatureKeyword(keyword: Flag): boolean {
  return [SIGNATURE_VALID, SIGNATURE_INVALID].some(name => name.toLowerCase() === keyword.toLowerCase());
}

/** What an outcome shows as: nothing where the signature holds and nobody known vouches for its certificate. */
export function signatureKeywords(status: SignatureOutcome['status'] | null): Flag[] {
  if (status === 'valid' || status === 'valid-with-remarks') return [SIGNATURE_VALID];
  return status === 'broken' || status === 'none' ? [SIGNATURE_INVALID] : [];
}

/** The bit of a system flag, 0 for a keyword. */
export function systemBit(flag: Flag): number {
  const folded = flag.toLowerCase();
  return SYSTEM.find(([, name]) => name.toLowerCase() === folded)?.[0] ?? 0;
}

/** `\Recent` and unknown system flags are dropped. */
export function splitFlags(flags: readonly Flag[]): FlagSet {
  let bits = 0;
  const keywords = new Map<string, Flag>();
  for (const flag of flags) {
    if (flag.startsWith('\\')) bits |= systemBit(flag);
    else if (flag !== '') keywords.set(flag.toLowerCase(), flag);
  }
  return { bits, keywords: [...keywords.values()] };
}

/** Numbers and names of a tree's keywords. */
export class Keywords {
  readonly #context: AccountContext;
  readonly #tree: number;
  readonly #names = new Map<number, Flag>();
  readonly #ids = new Map<string, number>();

  constructor(context: AccountContext, tree: Pick<TreeRow, 'id'>) {
    this.#context = context;
    this.#tree = tree.id;
    const rows = context
      .sql<{ id: number; name: string; folded: string }>(
        'SELECT id, name, folded FROM keyword WHERE tree = ? ORDER BY id',
      )
      .all(tree.id);
    for (const row of rows) this.#learn(row.id, row.name);
  }

  names(): Flag[] {
    return [...this.#names.values()];
  }

  find(keyword: Flag): number | null {
    return this.#ids.get(keyword.toLowerCase()) ?? null;
  }

  /** Flags of an entry as clients see them. */
  flags(bits: number, keywords: string): Flag[] {
    const flags = SYSTEM.filter(([bit]) => (bits & bit) !== 0).map(([, flag]) => flag);
    for (const name of this.decode(keywords)) flags.push(name);
    return flags;
  }

  decode(keywords: string): Flag[] {
    if (keywords === '') return [];
    const names: Flag[] = [];
    for (const id of keywords.split(',')) {
      const name = this.#names.get(Number(id));
      if (name !== undefined) names.push(name);
    }
    return names;
  }

  /** The entry column for these keywords; new ones are added to the tree. */
  encode(keywords: readonly Flag[]): string {
    if (keywords.length === 0) return '';
    const ids = new Set(keywords.map(keyword => this.#id(keyword)));
    return `,${[...ids].sort((a, b) => a - b).join()},`;
  }

  #id(keyword: Flag): number {
    const known = this.find(keyword);
    if (known !== null) return known;
    if (this.#names.size >= MAX_KEYWORDS || keyword.length > MAX_KEYWORD_CHARS) {
      throw new StoreError('LIMIT', 'Troppe etichette diverse, o etichetta troppo lunga');
    }
    const row = this.#context
      .sql<{ id: number }>('INSERT INTO keyword (tree, name, folded) VALUES (?, ?, ?) RETURNING id')
      .get(this.#tree, keyword, keyword.toLowerCase());
    const id = row?.id ?? 0;
    this.#learn(id, keyword);
    return id;
  }

  #learn(id: number, name: Flag): void {
    this.#names.set(id, name);
    this.#ids.set(name.toLowerCase(), id);
  }
}
