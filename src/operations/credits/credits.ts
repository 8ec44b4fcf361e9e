import type { Actor, Caller } from '../../domain/access/account.ts';
import type { Balance, LedgerEntry } from '../../domain/credits/credits.ts';
import { KilnError } from '../../domain/errors.ts';
import { isId, newId } from '../../domain/id.ts';
import type { Page } from '../../domain/page.ts';
import type { CreditRepository } from '../../store/credits.ts';
import type { LedgerRepository } from '../../store/ledger.ts';
import { requireAccountId, requireAdmin } from '../access/accounts.ts';
import { createReconcile, type Reconciliation } from './reconcile.ts';

export interface CreditsPorts {
  credits: Pick<CreditRepository, 'get' | 'grant' | 'list'>;
  ledger: Pick<LedgerRepository, 'drain' | 'list' | 'all'>;
  /** After credits were given. */
  noteGranted(accountId: string): Promise<void>;
}

export interface GrantRequest {
  accountId: string;
  amount: number;
  /** A UUID that makes a repeat of this very grant recognisable. */
  grantId?: string | undefined;
}

/** What can be asked of media credits. Owners see their own; the operator gives and checks. */
export function createCredits({ credits, ledger, noteGranted }: CreditsPorts) {
  const reconcile = createReconcile({ credits, ledger });

  return {
    /** Tops an account up. @returns what it has then. */
    async grantCredits(actor: Actor, request: GrantRequest): Promise<Balance> {
      requireAdmin(actor);
      const { accountId, amount, grantId = newId() } = request;
      if (!isId(grantId))
        throw new KilnError('INVALID_INPUT', 'The id of a grant must be a UUID.', { field: 'grantId' });
      await credits.grant({ accountId, kind: 'grant', run: grantId, amount });
      await ledger.drain(accountId);
      await noteGranted(accountId);
      const { available, held } = await credits.get(accountId);
      return { available, held };
    },

    /** One page of an account's ledger, up to this moment. */
    async listLedger(actor: Actor, id: string | undefined, page: Page<number>): Promise<LedgerEntry[]> {
      const accountId = requireAccountId(actor, id);
      await ledger.drain(accountId);
      return ledger.list({ ...page, accountId });
    },

    async reconcileCredits(actor: Actor): Promise<Reconciliation> {
      requireAdmin(actor);
      return reconcile();
    },
  };
}

/**
 * Refuses a job before it is accepted when its owner could not pay for the first started minute.
 * @throws KilnError INSUFFICIENT_CREDITS
 */
export async function requireMinimum(
  credits: Pick<CreditRepository, 'get'>,
  caller: Caller,
  minimum: number,
): Promise<void> {
  if (minimum === 0) return;
  const { available } = caller.kind === 'account' ? await credits.get(caller.accountId) : { available: 0 };
  if (available >= minimum) return;
  throw new KilnError(
    'INSUFFICIENT_CREDITS',
    `A started minute of this costs ${minimum} media credits, and there are ${available}.`,
    {
      hint:
        caller.kind === 'account'
          ? 'Top up the media credits of the account.'
          : 'Media credits need an account.',
    },
  );
}
