import { createRepairCredits, type RepairCreditsPorts } from '../operations/credits/repair-credits.ts';
import { createRepairAdmissions, type RepairAdmissionsPorts } from '../operations/jobs/repair-admissions.ts';
import { createRepairJobs, type RepairJobsPorts } from '../operations/jobs/repair-jobs.ts';
import { createAdmissionChecks } from '../store/admissions/admission-checks.ts';
import type { Collections } from '../store/mongo/mongo.ts';

type RepairsPorts = Omit<RepairAdmissionsPorts, 'checks'> &
  RepairCreditsPorts &
  RepairJobsPorts & { collections: Collections };

/** What finishes the jobs, places and credits that a crash left half-way. */
export function createRepairs(ports: RepairsPorts) {
  return {
    repairAdmissions: createRepairAdmissions({ ...ports, checks: createAdmissionChecks(ports.collections) }),
    repairCredits: createRepairCredits(ports),
    repairJobs: createRepairJobs(ports),
  };
}
