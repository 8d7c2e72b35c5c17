import { StoreError } from '../store/types.ts';

/** Code of a store's error, null for any other: it may come from another thread, without its class. */
export function storeErrorCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return error instanceof StoreError || error.name === 'StoreError' ? String(error.code) : null;
}
