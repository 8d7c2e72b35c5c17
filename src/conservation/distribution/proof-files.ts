/** What proves a file of a package by the stamps: evidence record, the steps of the hash tree, and the commands. */
import type { DigestName } from '../evidence/hash-tree.ts';
import { pathSteps } from '../evidence/hash-tree.ts';
import type { StampFacts } from '../evidence/inspection.ts';
import type { PackageProof } from '../evidence/proof.ts';
import { encodeEvidenceRecord, encodeSequence, leafOf } from '../evidence/record.ts';
import { EVIDENCE_FILES } from '../types.ts';

export interface ProofFiles {
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly commands: readonly string[];
}

const HEX: Readonly<Record<DigestName, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Names of a stamp's files: the first one's, or a renewal's. */
export function stampFiles(number: number): { readonly token: string; readonly chain: string } {
  return number === 0
    ? { token: EVIDENCE_FILES.timestamp, chain: EVIDENCE_FILES.timestampChain }
    : { token: `rinnovo-${number}.tsr`, chain: `rinnovo-${number}.pem` };
}

/**
 * @param prefix directory of the package inside the ZIP, with its slash, or nothing
 * @param document path of the file that is proven, as it stands under the stamp
 */
export function proofFiles(
  proof: PackageProof,
  stamps: readonly StampFacts[],
  names: { readonly prefix: string; readonly document: string; readonly directory: string },
): ProofFiles {
  const { prefix, document, directory } = names;
  const index = proof.indexOf(document);
  const chains = proof.chains(index);
  const record = encodeEvidenceRecord(chains);
  const recordName = `${directory}/evidenza.ers`;
  const files = [{ name: recordName, bytes: record }];
  const commands: string[] = [];
  let number = 0;
  for (const [place, chain] of chains.entries()) {
    let previous: (typeof chain)[number] | null = null;
    for (const stamp of chain) {
      const { digest } = stamp;
      let start = `${sum(digest)} ${prefix}${previous === null ? document : stampFiles(number - 1).token}`;
      if (previous === null && place > 0) {
        const sequence = Buffer.from(encodeSequence(chains.slice(0, place)));
        const name = `${directory}/sequenza-${place}.der`;
        files.push({ name, bytes: sequence });
        for (let earlier = 0; earlier < number; earlier++) {
          commands.push(cut(sequence, `${prefix}${name}`, chains.flat()[earlier]?.token, prefix, earlier));
        }
        const binary = (file: string) => `openssl dgst -${digest} -binary ${prefix}${file}`;
        start = `{ ${binary(document)}; ${binary(name)}; } | ${sum(digest)}`;
      }
      // Where there is a path, the document's digest by that algorithm is known: the tree was built of it.
      const leaf =
        previous === null ? proof.leafHash(index, place) : leafOf(digest, previous, [], () => Buffer.alloc(0));
      const steps = pathSteps(leaf, stamp.path, digest) ?? [];
      let data = previous === null ? document : stampFiles(number - 1).token;
      for (const [level, step] of steps.entries()) {
        const name = `${directory}/livello-${number === 0 ? '' : `r${number}-`}${level + 1}.bin`;
        files.push({ name, bytes: step });
        const width = HEX[digest];
        const wanted = level === 0 ? start : `${sum(digest)} ${prefix}${data}`;
        commands.push(
          `od -An -v -tx1 -w${width / 2} ${prefix}${name} | tr -d ' ' | grep -qx "$(${wanted} | cut -c1-${width})"`,
        );
        data = name;
      }
      const { token, chain: certificates } = stampFiles(number);
      const at = Math.floor((stamps[number]?.time ?? 0) / 1000);
      commands.push(
        `openssl ts -verify -data ${prefix}${data} -in ${prefix}${token} -token_in -CAfile ${prefix}${certificates} -attime ${at} -partial_chain`,
        cut(Buffer.from(record), `${prefix}${recordName}`, stamp.token, prefix, number),
      );
      previous = stamp;
      number++;
    }
  }
  return { files, commands };
}

/** That a token stands inside a record. */
function cut(record: Buffer, name: string, token: Uint8Array | undefined, prefix: string, number: number): string {
  const at = token === undefined ? -1 : record.indexOf(token);
  return `tail -c +${at + 1} ${name} | head -c ${token?.length ?? 0} | cmp - ${prefix}${stampFiles(number).token}`;
}

function sum(digest: DigestName): string {
  return `${digest}sum`;
}
