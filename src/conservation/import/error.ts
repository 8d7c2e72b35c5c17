/** What was to be imported is not whole, not genuine, or not of this account. Nothing of the package was taken. */
export class ImportError extends Error {
  override name = 'ImportError';
}
