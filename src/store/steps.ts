/**
 * The moments at which what lies on disk is about to change or has just changed. Nothing happens there, unless a test
 * has asked to be told: it can then look at the files as a crash at that instant would leave them.
 */
let observer: ((step: string) => void) | null = null;

export function observeSteps(next: ((step: string) => void) | null): void {
  observer = next;
}

export function step(name: string): void {
  observer?.(name);
}
