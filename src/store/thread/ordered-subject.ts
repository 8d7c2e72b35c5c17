import { bySentDate, type Threaded, type ThreadNode } from './forest.ts';

/** THREAD=ORDEREDSUBJECT (RFC 5256 section 3): messages of one base subject below the first of them. */
export function byOrderedSubject(messages: readonly Threaded[]): ThreadNode[] {
  const threads = new Map<string, ThreadNode>();
  const nodes = messages.map((message): ThreadNode => ({ message, children: [] })).sort(bySentDate);
  for (const node of nodes) {
    const subject = node.message?.subject ?? '';
    const thread = threads.get(subject);
    if (thread === undefined) threads.set(subject, node);
    else thread.children.push(node);
  }
  return [...threads.values()];
}
