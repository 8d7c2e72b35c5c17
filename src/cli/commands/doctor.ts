import { defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';
import type { Finding } from '../examination.ts';

export const doctor = defineCommand({
  command: 'doctor',
  describe: 'check the configuration, the reachability of the providers and the store',
  options: yargs => withJson(withConfig(yargs)),
  run: async ({ config: file, json }, io) => {
    const [{ loadConfig }, { checkUpstreams, checkStore, findingLines }] = await Promise.all([
      import('../../config/load.ts'),
      import('../examination.ts'),
    ]);
    const loaded = await loadConfig(file);
    const findings: Finding[] = [
      { part: 'configuration', ok: true, detail: loaded.file },
      ...(await checkUpstreams(loaded)),
      ...(await checkStore(file, loaded.config.dataDir)),
    ];
    const good = findings.every(finding => finding.ok);
    present(io, json, { good, findings }, () => findings.flatMap(findingLines));
    return good ? GOOD : FAULT;
  },
});
