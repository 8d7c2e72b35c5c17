import type { AccountStore, Filed, HeldMessage, View } from '../store/types.ts';
import { isOfTheMessage } from './copy-message.ts';

/**
 * Gives held messages their places in their order: all in one transaction or, where one of them is at fault, each alone.
 * Rejects when the archive as a whole fails.
 */
export async function fileTogether(
  account: AccountStore,
  view: View,
  held: readonly HeldMessage[],
): Promise<readonly (Filed | Error)[]> {
  if (held.length === 0) return [];
  try {
    return await account.fileHeld(view, held);
  } catch (error) {
    if (!isOfTheMessage(error)) throw error;
  }
  const filed: (Filed | Error)[] = [];
  for (const one of held) filed.push(await fileAlone(account, view, one));
  return filed;
}

async function fileAlone(account: AccountStore, view: View, held: HeldMessage): Promise<Filed | Error> {
  try {
    const [filed] = await account.fileHeld(view, [held]);
    return filed ?? new Error('the store gave no place');
  } catch (error) {
    if (isOfTheMessage(error)) return error;
    throw error;
  }
}
