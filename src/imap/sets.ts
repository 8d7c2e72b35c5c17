/**
 * Numbers as a sequence set, in the order given: `1:3,7`. Only neighbours that ascend by one become a range, so the
 * nth number of one set still corresponds to the nth of another (COPYUID, RFC 4315 section 3).
 */
export function formatSet(numbers: Iterable<number>): string {
  const ranges: string[] = [];
  let first = 0;
  let last = 0;
  for (const number of numbers) {
    if (number === last + 1 && last !== 0) {
      last = number;
      continue;
    }
    if (last !== 0) ranges.push(range(first, last));
    first = number;
    last = number;
  }
  if (last !== 0) ranges.push(range(first, last));
  return ranges.join(',');
}

function range(first: number, last: number): string {
  return first === last ? String(first) : `${first}:${last}`;
}

/**
 * A test for membership in a set as a client wrote it, whether or not the mailbox has the numbers.
 * @param star what `*` stands for
 */
export function membership(
  set: readonly (readonly [first: number | null, last: number | null])[],
  star: number,
): (number: number) => boolean {
  const ranges = set
    .map(([first, last]) => {
      const [a, b] = [first ?? star, last ?? star];
      return { low: Math.min(a, b), high: Math.max(a, b) };
    })
    .sort((a, b) => a.low - b.low);
  // Overlapping ranges: a range reaches as far as any before it.
  for (let index = 1; index < ranges.length; index++) {
    const [before, range] = [ranges[index - 1], ranges[index]];
    if (before !== undefined && range !== undefined && before.high >= range.low) {
      range.low = before.low;
      range.high = Math.max(range.high, before.high);
    }
  }
  return number => {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ranges[middle]?.low ?? 0) <= number) low = middle + 1;
      else high = middle;
    }
    return (ranges[low - 1]?.high ?? 0) >= number && low > 0;
  };
}
