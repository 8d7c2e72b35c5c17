/** Something that is not as it was left; names the file that it is about. */
export interface Fault {
  /** Package, or `journal`. */
  readonly subject: string;
  readonly file: string;
  readonly reason: string;
}
