import { z } from 'zod';
import type { ConfigDocument } from './document.ts';
import { type ConfigIssue, formatKey } from './error.ts';
import { didYouMean } from './suggest.ts';

type Issue = z.core.$ZodIssue;
type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Turns what the schema found into lines that name the file's line, the key and what would be accepted. */
export function explainIssues(document: ConfigDocument, schema: z.ZodType, issues: readonly Issue[]): ConfigIssue[] {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return issues.flatMap(issue => explain(document, shape, issue, []));
}

function explain(
  document: ConfigDocument,
  shape: JsonSchema,
  issue: Issue,
  above: readonly PropertyKey[],
): ConfigIssue[] {
  const path = [...above, ...issue.path];
  const at = (message: string): ConfigIssue[] => [{ line: document.lineOf(path), key: formatKey(path), message }];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(shape, path);
      return issue.keys.map(key => ({
        line: document.lineOf([...path, key]),
        key: formatKey([...path, key]),
        message: known.includes(key)
          ? 'cannot stand beside the other keys given here'
          : `unknown key${didYouMean(key, known)}${known.length > 0 ? ` (known: ${known.join(', ')})` : ''}`,
      }));
    }
    case 'invalid_value': {
      const accepted = issue.values.map(value => JSON.stringify(value)).join(', ');
      return at(`${written(document, path)} is not accepted; accepted: ${accepted}`);
    }
    case 'invalid_type':
      return valueAt(document, path) === undefined
        ? at(`missing; expected ${article(issue.expected)}`)
        : at(`expected ${article(issue.expected)}, found ${written(document, path)}`);
    case 'invalid_union': {
      const branch = likeliestBranch(issue.errors);
      if (branch === null) return at(`${written(document, path)} is not accepted`);
      return branch.flatMap(inner => explain(document, shape, inner, path));
    }
    case 'invalid_key':
      return issue.issues.flatMap(inner => explain(document, shape, inner, path));
    case 'invalid_format':
      // Patterns with a text of their own say what they want ("an e-mail address"); the others get zod's text.
      return at(
        /^(an?) /.test(issue.message)
          ? `expected ${issue.message}, found ${written(document, path)}`
          : lowerFirst(issue.message),
      );
    default:
      return at(lowerFirst(issue.message));
  }
}

/** Of a union's branches the one that what was written comes nearest to: deepest fault, then fewest faults. */
function likeliestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  let best: readonly Issue[] | null = null;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const branch of branches) {
    const depth = Math.max(...branch.map(issue => issue.path.length));
    const faults = branch.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
    const pattern = branch.every(issue => issue.code === 'invalid_format') ? 1 : 0;
    const score = pattern * 10_000 + depth * 100 - faults;
    if (score > bestScore) {
      best = branch;
      bestScore = score;
    }
  }
  return best;
}

/** Keys that the schema knows at `path`, those of every branch of a union included. */
function keysAt(schema: JsonSchema, path: readonly PropertyKey[]): string[] {
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return [...new Set(branches.flatMap(branch => keysAt(branch, path)))];
  const [step, ...rest] = path;
  if (step === undefined) return Object.keys(schema.properties ?? {});
  const next =
    typeof step === 'number' && typeof schema.items === 'object' && !Array.isArray(schema.items)
      ? schema.items
      : (schema.properties?.[String(step)] ?? schema.additionalProperties);
  return typeof next === 'object' ? keysAt(next, rest) : [];
}

function valueAt(document: ConfigDocument, path: readonly PropertyKey[]): unknown {
  let value = document.value;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

function written(document: ConfigDocument, path: readonly PropertyKey[]): string {
  const value = valueAt(document, path);
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function article(noun: string): string {
  return `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun === 'object' ? 'set of keys' : noun === 'array' ? 'list' : noun}`
    .replace('an set', 'a set')
    .replace('an list', 'a list');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
