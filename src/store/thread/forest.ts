import type { ThreadList } from '../types.ts';

/** A message as the threading algorithms see it. Instants in seconds. */
export interface Threaded {
  readonly uid: number;
  readonly sentAt: number;
  /** Base subject in the form of i;unicode-casemap. */
  readonly subject: string;
  readonly isReply: boolean;
  readonly id: string | null;
  /** Oldest first. */
  readonly references: readonly string[];
}

/** A message with its children, or a place for one that is not there. */
export interface ThreadNode {
  /** null: a message that others refer to and that is not there. */
  message: Threaded | null;
  children: ThreadNode[];
}

/** The message that a node is sorted by: its own, or its first child's. */
function representative(node: ThreadNode): Threaded | null {
  return node.message ?? node.children[0]?.message ?? null;
}

/** By sent date, then by UID (RFC 5256 section 2.2). */
export function bySentDate(a: ThreadNode, b: ThreadNode): number {
  const [one, other] = [representative(a), representative(b)];
  return (one?.sentAt ?? 0) - (other?.sentAt ?? 0) || (one?.uid ?? 0) - (other?.uid ?? 0);
}

/** Every node below and including these, parents before children. */
export function* allNodes(roots: readonly ThreadNode[]): Generator<ThreadNode> {
  const stack = [...roots];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    yield node;
    for (const child of node.children) stack.push(child);
  }
}

export function listThreads(roots: readonly ThreadNode[]): ThreadList {
  const uids: number[] = [];
  const depths: number[] = [];
  const stack = roots.map(node => ({ node, depth: 0 })).reverse();
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { node, depth } = next;
    uids.push(node.message?.uid ?? 0);
    depths.push(depth);
    for (let index = node.children.length - 1; index >= 0; index--) {
      const child = node.children[index];
      if (child !== undefined) stack.push({ node: child, depth: depth + 1 });
    }
  }
  return { uids: Uint32Array.from(uids), depths: Uint32Array.from(depths) };
}
