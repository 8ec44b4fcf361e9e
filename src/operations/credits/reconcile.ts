import { createAudit, type Difference } from '../../domain/credits/audit.ts';
import type { LedgerEntry } from '../../domain/credits/credits.ts';
import type { CreditRepository } from '../../store/credits.ts';
import type { LedgerRepository } from '../../store/ledger.ts';

export interface ReconcilePorts {
  credits: Pick<CreditRepository, 'list'>;
  ledger: Pick<LedgerRepository, 'all'>;
}

/** What was looked at, and everything that does not agree. */
export interface Reconciliation {
  accounts: number;
  entries: number;
  differences: Difference[];
}

const PAGE = 500;

/**
 * Proves for the whole database, while it is in use, that every balance is the sum of its ledger,
 * that none is negative and that no job was captured twice.
 */
export function createReconcile({ credits, ledger }: ReconcilePorts) {
  return async function reconcile(): Promise<Reconciliation> {
    const audits = await openAudits();
    let entries = 0;
    const differences: Difference[] = [];
    const captures = countCaptures(differences);
    for await (const entry of ledger.all()) {
      entries += 1;
      audits.get(entry.accountId)?.add(entry);
      captures.add(entry);
    }
    captures.end();
    for (const audit of audits.values()) differences.push(...audit.differences());
    return { accounts: audits.size, entries, differences };
  };

  async function openAudits() {
    const audits = new Map<string, ReturnType<typeof createAudit>>();
    for (let after = ''; ; ) {
      const page = await credits.list(after, PAGE);
      for (const account of page) audits.set(account._id, createAudit(account._id, account));
      const last = page.at(-1);
      if (!last || page.length < PAGE) return audits;
      after = last._id;
    }
  }
}

/** Notes jobs that were captured more than once; entries come account by account, and so do a job's. */
function countCaptures(differences: Difference[]) {
  const counts = new Map<string, number>();
  let accountId = '';

  function end(): void {
    for (const [jobId, found] of counts)
      if (found > 1) differences.push({ accountId, what: `captures of job ${jobId}`, expected: 1, found });
    counts.clear();
  }

  return {
    add(entry: LedgerEntry): void {
      if (entry.accountId !== accountId) end();
      accountId = entry.accountId;
      if (entry.kind === 'capture') counts.set(entry.subject, (counts.get(entry.subject) ?? 0) + 1);
    },
    end,
  };
}
