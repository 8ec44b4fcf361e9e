import { MongoServerError } from 'mongodb';

export interface DeclaredIndex {
  /** Fields compared for equality first, then the one of the order, then ranges. */
  key: Readonly<Record<string, 1>>;
  options?: { unique?: true; sparse?: true };
}

/** As much of a collection as is needed to keep its indexes. */
interface IndexedCollection {
  createIndex(key: DeclaredIndex['key'], options: object): Promise<unknown>;
  indexes(): Promise<{ name?: string }[]>;
  dropIndex(name: string): Promise<unknown>;
}

/**
 * Every index besides that of `_id`. All of them ascend: an index is read from its end as well, so one serves
 * both directions of a list. Each test that runs the store on a database notes its queries and fails where none
 * of these serves one: whoever adds such a query adds a line here.
 */
export const INDEXES = {
  accounts: [
    { key: { oidcSubject: 1 }, options: { unique: true, sparse: true } },
    { key: { repairAt: 1 }, options: { sparse: true } },
    { key: { plan: 1, grantedMonth: 1 } },
  ],
  keys: [
    { key: { secretHash: 1 }, options: { unique: true } },
    { key: { publicKey: 1 }, options: { unique: true, sparse: true } },
    { key: { accountId: 1, _id: 1 } },
  ],
  admissions: [{ key: { checkAt: 1 } }],
  waiters: [{ key: { jobId: 1 }, options: { unique: true, sparse: true } }],
  jobs: [
    { key: { owner: 1, _id: 1 } },
    { key: { owner: 1, status: 1, _id: 1 } },
    { key: { owner: 1, dialect: 1, _id: 1 } },
    { key: { status: 1, _id: 1 } },
    { key: { repairAt: 1 }, options: { sparse: true } },
    { key: { finishedAt: 1, _id: 1 } },
    { key: { 'inputs.fileId': 1 } },
  ],
  batches: [
    { key: { owner: 1, _id: 1 } },
    { key: { status: 1, checkAt: 1 } },
    { key: { finishedAt: 1, _id: 1 } },
  ],
  files: [{ key: { owner: 1, _id: 1, expiresAt: 1 } }, { key: { expiresAt: 1, _id: 1 } }],
  uploads: [{ key: { expiresAt: 1, _id: 1 } }],
  windows: [{ key: { day: 1 } }],
  idempotency: [{ key: { expiresAt: 1 } }],
  ledger: [{ key: { accountId: 1, seq: 1 } }],
  endpoints: [
    { key: { slot: 1 }, options: { unique: true } },
    { key: { untold: 1 }, options: { sparse: true } },
  ],
  deliveries: [
    { key: { owner: 1, order: 1 } },
    { key: { owner: 1, state: 1, order: 1 } },
    { key: { endpointId: 1, order: 1 } },
    { key: { owner: 1, updatedAt: 1, order: 1 } },
    { key: { endpointId: 1, state: 1, order: 1 } },
    { key: { state: 1, begun: 1, updatedAt: 1 } },
    { key: { state: 1, nextAttemptAt: 1 } },
    { key: { state: 1, hold: 1, endpointId: 1 } },
    { key: { jobId: 1, order: 1 } },
    { key: { subjectId: 1, state: 1 } },
    { key: { createdAt: 1, _id: 1 } },
  ],
} satisfies Record<string, readonly DeclaredIndex[]>;

type Indexed = keyof typeof INDEXES;

/** By their names: what earlier versions made and an index of today replaces. */
const SUPERSEDED: Readonly<Partial<Record<Indexed, readonly string[]>>> = {
  keys: ['accountId_1__id_-1'],
  jobs: ['owner_1__id_-1'],
  batches: ['owner_1__id_-1', 'status_1__id_1'],
  files: ['owner_1__id_-1'],
  ledger: ['accountId_1_seq_-1'],
  deliveries: ['owner_1_order_-1', 'owner_1_updatedAt_1', 'jobId_1', 'state_1_order_1'],
};

const NO_SUCH_INDEX = 27;

/** Makes the indexes that are missing, then drops what they replace. */
export async function ensureIndexes(
  collections: Readonly<Record<Indexed, IndexedCollection>>,
): Promise<void> {
  const tables: [string, readonly DeclaredIndex[]][] = Object.entries(INDEXES);
  for (const [name, declared] of tables) {
    const collection = collections[name as Indexed];
    for (const { key, options = {} } of declared) await collection.createIndex(key, options);
    const known = new Set((await collection.indexes()).map((index) => index.name));
    const superseded = SUPERSEDED[name as Indexed] ?? [];
    for (const old of superseded) if (known.has(old)) await collection.dropIndex(old).catch(unlessGone);
  }
}

/** Of several processes that start together, another one was faster. */
function unlessGone(error: unknown): void {
  if (!(error instanceof MongoServerError && error.code === NO_SUCH_INDEX)) throw error;
}
