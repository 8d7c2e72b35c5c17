import type { Rebuilt } from '../store/maintenance/rebuild.ts';

/** Whether nothing was lost on the way. */
export function isWhole({ lost, unreadable, droppedEntries }: Rebuilt): boolean {
  return !lost && unreadable.length === 0 && droppedEntries === 0;
}

export function describeRebuilt(rebuilt: Rebuilt): string[] {
  const { address, messages, records, lost, renumbered, unreadable, droppedEntries } = rebuilt;
  return [
    `${address}: ${messages} messages from ${records} records`,
    ...(lost ? ['  part of the ledger is missing: what it told is lost'] : []),
    ...(droppedEntries > 0 ? [`  ${droppedEntries} places of messages of which nothing else is known`] : []),
    ...(renumbered ? ['  every folder has a new UIDVALIDITY: clients download it again'] : []),
    ...unreadable.map(sha256 => `  message ${sha256} cannot be read back`),
  ];
}
