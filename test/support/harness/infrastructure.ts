import { createInfrastructure, type InfrastructureParts } from '../../../src/app/infrastructure.ts';
import { type Config, loadConfig } from '../../../src/config.ts';
import { createLog } from '../../../src/log.ts';
import type { WorkflowRunner } from '../../../src/operations/workflow-runner.ts';

interface Parts extends Partial<Omit<InfrastructureParts, 'config'>> {
  repositories: InfrastructureParts['repositories'];
  config?: Partial<Config>;
}

/** What slices share, without any engine: a process over these repositories, configured as one is by default. */
export function newInfrastructure({ config, ...parts }: Parts) {
  return createInfrastructure({
    log: createLog('silent'),
    runner: {} as WorkflowRunner,
    masterKeys: [Buffer.alloc(32, 1)],
    adminToken: undefined,
    refusedPorts: [],
    ...parts,
    config: { ...loadConfig({}), ...config },
  });
}
