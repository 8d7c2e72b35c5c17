/**
 * `npm run bench [-- --quick|--large] [relay|views|sessions|search|ingest|growth|size|archiver|signatures|conservation ...]`: medians of five runs. Nothing is asserted: figures are for
 * reading, with the machine that they were measured on.
 */
import { parseArgs } from 'node:util';
import { benchArchiver } from './archiver.ts';
import { benchConservation } from './conservation.ts';
import { benchGrowth } from './growth.ts';
import { benchIngest } from './ingest.ts';
import { benchRelay } from './relay.ts';
import { machine, printTable, type Row, type Scale } from './report.ts';
import { benchSearch } from './search.ts';
import { benchSessions } from './sessions.ts';
import { benchSignatures } from './signatures.ts';
import { benchSize } from './size.ts';
import { benchViews } from './views.ts';

const BENCHES: Readonly<Record<string, readonly [title: string, run: (scale: Scale) => Promise<Row[]>]>> = {
  relay: ['The relay', benchRelay],
  views: ['FETCH from a view', benchViews],
  sessions: ['Sessions', benchSessions],
  search: ['Search', benchSearch],
  ingest: ['Ingest', benchIngest],
  growth: ['Growth', benchGrowth],
  size: ['Size', benchSize],
  archiver: ['The archiver', benchArchiver],
  signatures: ["Gestori's signatures", benchSignatures],
  conservation: ['Conservation', benchConservation],
};

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5' },
  },
  allowPositionals: true,
});
const scale: Scale = { quick: values.quick, large: values.large, runs: Number(values.runs) };
const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;

console.log(machine());
console.log(`medians of ${scale.runs} runs${scale.quick ? ', scaled down' : ''}`);
for (const name of names) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    console.error(`no bench called ${name}; there are ${Object.keys(BENCHES).join(', ')}`);
    process.exitCode = 2;
    break;
  }
  const [title, run] = bench;
  printTable(title, await run(scale));
}
