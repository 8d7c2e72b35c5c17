import { allNodes, bySentDate, type Threaded, type ThreadNode } from './forest.ts';

/** Steps of looking for loops that one command may take: headers come from outside, and may be made to cost. */
const LOOP_STEPS = 20_000_000;

/** THREAD=REFERENCES (RFC 5256 section 3). @param messages by ascending UID */
export function byReferences(messages: readonly Threaded[]): ThreadNode[] {
  const roots = prune(link(messages));
  for (const root of roots) if (root.message === null) root.children.sort(bySentDate);
  const merged = mergeSubjects(roots.sort(bySentDate));
  for (const node of allNodes(merged)) node.children.sort(bySentDate);
  return merged.sort(bySentDate);
}

/** THREAD=REFS (draft-ietf-morg-inthread): by references alone. The thread with the latest message comes last, by sent date as in Dovecot. */
export function byRefs(messages: readonly Threaded[]): ThreadNode[] {
  const roots = prune(link(messages));
  const latest = new Map<ThreadNode, Threaded>();
  for (const root of roots) {
    for (const node of allNodes([root])) {
      node.children.sort(bySentDate);
      const known = latest.get(root);
      const { message } = node;
      if (message !== null && (known === undefined || bySent(known, message) < 0)) latest.set(root, message);
    }
  }
  const last = (node: ThreadNode) => latest.get(node) ?? EMPTY;
  return roots.sort((a, b) => bySent(last(a), last(b)));
}

function bySent(a: Threaded, b: Threaded): number {
  return a.sentAt - b.sentAt || a.uid - b.uid;
}

const EMPTY: Threaded = { uid: 0, sentAt: 0, subject: '', isReply: false, id: null, references: [] };

/** A node while links are made: the parent is all that counts. */
interface Linked {
  readonly node: ThreadNode;
  parent: Linked | null;
  /** Whether anything was ever linked below it: a node without cannot be anybody's ancestor. */
  hasChildren: boolean;
}

/** Step 1: parents by Message-ID. Returns the nodes without one, children in place. */
function link(messages: readonly Threaded[]): ThreadNode[] {
  const byId = new Map<string, Linked>();
  const all: Linked[] = [];
  let steps = LOOP_STEPS;
  const make = (message: Threaded | null): Linked => {
    const made: Linked = { node: { message, children: [] }, parent: null, hasChildren: false };
    all.push(made);
    return made;
  };
  const named = (id: string): Linked => {
    let known = byId.get(id);
    if (known === undefined) {
      known = make(null);
      byId.set(id, known);
    }
    return known;
  };
  const isAbove = (above: Linked, below: Linked): boolean => {
    if (above === below) return true;
    if (!above.hasChildren) return false;
    for (let next = below.parent; next !== null; next = next.parent) {
      if (next === above || --steps < 0) return true;
    }
    return false;
  };
  const setParent = (child: Linked, parent: Linked): void => {
    if (isAbove(child, parent)) return;
    child.parent = parent;
    parent.hasChildren = true;
  };
  for (const message of messages) {
    let own = message.id === null ? make(message) : named(message.id);
    // A second message of the same ID is one of its own.
    if (own.node.message === null) own.node.message = message;
    else if (own.node.message !== message) own = make(message);
    let previous: Linked | null = null;
    for (const id of message.references) {
      const next = named(id);
      if (previous !== null && next.parent === null) setParent(next, previous);
      previous = next;
    }
    own.parent = null;
    if (previous !== null) setParent(own, previous);
  }
  const roots: ThreadNode[] = [];
  for (const { node, parent } of all) (parent === null ? roots : parent.node.children).push(node);
  return roots;
}

/** Step 3: places without a message give way to their children, but for those at the top that hold several. */
function prune(roots: ThreadNode[]): ThreadNode[] {
  for (const node of [...allNodes(roots)].reverse()) node.children = node.children.flatMap(withoutEmpty);
  return roots.flatMap(root => (root.message === null && root.children.length > 1 ? [root] : withoutEmpty(root)));
}

function withoutEmpty(node: ThreadNode): ThreadNode[] {
  return node.message === null ? node.children : [node];
}

/** Step 5: threads of one base subject are one. @param roots sorted by sent date */
function mergeSubjects(roots: readonly ThreadNode[]): ThreadNode[] {
  const bySubject = new Map<string, ThreadNode>();
  for (const root of roots) {
    const { subject, isReply } = first(root);
    if (subject === '') continue;
    const known = bySubject.get(subject);
    const better =
      known === undefined ||
      (root.message === null && known.message !== null) ||
      (known.message !== null && first(known).isReply && !isReply);
    if (better) bySubject.set(subject, root);
  }
  const merged = new Set(roots);
  for (const root of roots) {
    const { subject, isReply } = first(root);
    const known = subject === '' ? undefined : bySubject.get(subject);
    if (known === undefined || known === root) continue;
    merged.delete(root);
    if (known.message === null) {
      // Both without a message, or only the one of the table.
      if (root.message === null) for (const child of root.children) known.children.push(child);
      else known.children.push(root);
    } else if (isReply && !first(known).isReply) {
      known.children.push(root);
    } else {
      const both: ThreadNode = { message: null, children: [known, root] };
      merged.delete(known);
      merged.add(both);
      bySubject.set(subject, both);
    }
  }
  return [...merged];
}

function first(node: ThreadNode): Threaded {
  return node.message ?? node.children[0]?.message ?? EMPTY;
}
