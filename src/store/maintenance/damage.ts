/** Kinds of damage that verify tells apart. */
type DamageKind =
  /** Octets are not the ones that were written there. */
  | 'flipped'
  /** A record lies where another one belongs. */
  | 'swapped'
  /** A file ends before what it should hold. */
  | 'truncated'
  /** A file is not there. */
  | 'missing'
  /** Database or segments are an older copy than the other. */
  | 'rolled-back'
  /** Pages of the database. */
  | 'database'
  /** Rows without what they refer to. */
  | 'row'
  /** A counter is not what the rows say. */
  | 'counter'
  /** The ledger has a hole: the database could not be made again from it. */
  | 'ledger'
  /** A message does not come out as it went in. */
  | 'message'
  /** A package's evidence. */
  | 'evidence'
  /** The account cannot be opened at all. */
  | 'account';

export interface Damage {
  readonly kind: DamageKind;
  /** File and offset, table and row, or message. */
  readonly where: string;
  readonly reason: string;
  /** The message concerned, where it is one, and one of its places. */
  readonly message?: string;
  readonly sha256?: string;
  readonly tree?: string;
  readonly uid?: number;
}

/** Damage found so far; beyond a bound it is only counted. */
export class Damages {
  readonly found: Damage[];
  #count: number;

  constructor(found: readonly Damage[] = [], count = found.length) {
    this.found = [...found];
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  add(damage: Damage): void {
    this.#count += 1;
    if (this.found.length < MAX_LISTED) this.found.push(damage);
  }
}

const MAX_LISTED = 1000;
