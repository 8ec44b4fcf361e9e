import type { Activities } from '../../../activities/index.ts';
import type { App, Operations } from '../../../src/app/app.ts';

/** The names of the scenarios, by suite, that try a death after each of its writes. */
interface Tried {
  jobs?: readonly string[];
  batches?: readonly string[];
  steps?: readonly string[];
}

/** `once`: one write at the most, so there is nothing to die between; `never`: it only reads. */
type Writes = 'never' | 'once' | Tried;

/** What a worker does. Whoever adds an activity says here how often it writes. */
const ACTIVITY_WRITES: Record<keyof Activities, Writes> = {
  acquire: { jobs: ['admit and acquire'] },
  convert: { jobs: ['convert'] },
  publish: { jobs: ['publish'] },
  convertSmallFile: { jobs: ['admit and acquire'] },
  expireUpload: 'once',
  recordQueued: 'once',
  recordEnd: {
    jobs: ['record the end of a job', 'record the end of a cancelled job'],
    batches: ['record the end of a job in a batch'],
    steps: ['record the end of a job that endpoints hear of'],
  },
  discardFiles: { jobs: ['discard files'] },
  holdCredits: { batches: ['hold credits'] },
  settleCredits: { batches: ['settle credits'], steps: ['note that credits got low'] },
  startBatchJobs: { batches: ['start the jobs of a batch'] },
  cancelBatchJobs: { batches: ['cancel the jobs of a batch'] },
  countBatch: { batches: ['count the jobs of a batch'] },
  endBatch: { batches: ['end a batch'] },
  packBatch: { batches: ['pack a batch'] },
  sweep: { steps: ['sweep files', 'sweep uploads', 'sweep records', 'sweep windows', 'sweep blobs'] },
  grantMonth: { steps: ['grant the credits of a month'] },
  prepareCallback: 'once',
  attemptDelivery: {
    steps: [
      'attempt a delivery',
      'attempt a delivery that fails',
      'attempt a delivery that is the last',
      'attempt a callback',
    ],
  },
};

/** What a process does by itself after a crash; each may be struck by the next one. */
const REPAIR_WRITES: Record<keyof App['repairs'], Writes> = {
  jobs: { batches: ['repair jobs'] },
  admissions: { batches: ['repair places'] },
  batches: { batches: ['repair batches'] },
  credits: { batches: ['repair credits'] },
  deliveries: { steps: ['repair deliveries'] },
};

/** What a process does for a caller. Whoever adds an operation says here how often it writes. */
const OPERATION_WRITES: Record<keyof Operations, Writes> = {
  // Who calls, and whether they may.
  authenticate: 'never',
  isAdminToken: 'never',
  checkRateLimit: { steps: ['count a call'] },
  readUsage: 'never',
  explainPolicy: 'never',
  createSession: 'never',
  // Accounts, plans and keys.
  findAccount: 'never',
  listAccounts: 'never',
  createAccount: 'once',
  renameAccount: 'once',
  setAccountPlan: 'once',
  linkAccount: 'once',
  endSessions: 'once',
  findPlan: 'never',
  listPlans: 'never',
  planOf: 'never',
  editPlan: 'once',
  createKey: 'once',
  listKeys: 'never',
  renameKey: 'once',
  rotateKey: 'once',
  revokeKey: 'once',
  // What lists leave out, read for whoever asks for it.
  attemptsOf: 'never',
  bodyOf: 'never',
  wholeJob: 'never',
  wholeBatch: 'never',
  batchCountsOf: 'never',
  // Webhooks.
  findEndpoint: 'never',
  listEndpoints: 'never',
  createEndpoint: 'once',
  updateEndpoint: 'once',
  deleteEndpoint: { steps: ['delete an endpoint'] },
  rotateSecret: 'once',
  pauseEndpoint: 'once',
  resumeEndpoint: { steps: ['resume an endpoint'] },
  testEndpoint: { steps: ['send a test event'] },
  findDelivery: 'never',
  listDeliveries: 'never',
  replayDelivery: { steps: ['replay a callback'] },
  replayDeliveries: { steps: ['replay deliveries'] },
  watchDeliveries: 'never',
  // Jobs, batches and files.
  submitJob: {
    jobs: ['prepare a job', 'prepare a job with a key', 'submit a job on a file'],
    steps: ['emit an event to endpoints'],
  },
  findJob: 'never',
  jobOfSignedToken: 'never',
  listJobs: 'never',
  watchJob: 'never',
  waitForJob: 'never',
  cancelJob: { jobs: ['cancel a job'] },
  retryJob: { jobs: ['retry a job'] },
  submitBatch: { batches: ['submit a batch', 'submit a batch with a key'] },
  findBatch: 'never',
  listBatches: 'never',
  jobsOf: 'never',
  watchBatch: 'never',
  cancelBatch: { batches: ['cancel a batch'] },
  retryBatch: { batches: ['retry a batch'] },
  prepareUpload: { jobs: ['prepare an upload without a job'] },
  receiveUpload: { jobs: ['receive an upload', 'receive an upload a second time'] },
  completeUpload: {
    jobs: ['complete an upload', 'complete an upload without a job'],
    steps: ['complete an upload that endpoints hear of'],
  },
  findFile: 'never',
  listFiles: 'never',
  fileOfSignedLink: 'never',
  readFile: 'never',
  links: 'never',
  queuePositionOf: 'never',
  quote: 'never',
  // Money and secrets.
  grantCredits: { batches: ['grant credits'] },
  listLedger: { batches: ['grant credits'] },
  reconcileCredits: { batches: ['grant credits'] },
  rotateSecrets: { steps: ['seal secrets anew'] },
  reportSecrets: 'never',
};

const ALL: [string, Writes][] = [ACTIVITY_WRITES, OPERATION_WRITES, REPAIR_WRITES].flatMap((writes) =>
  Object.entries<Writes>(writes),
);

/** Returns the names of the scenarios that a suite must have. */
export function scenariosOf(suite: keyof Tried): string[] {
  return ALL.flatMap(([, writes]) => (typeof writes === 'object' ? (writes[suite] ?? []) : []));
}

/** What is said to write once at the most. */
export function saidOnce(): string[] {
  return ALL.flatMap(([name, writes]) => (writes === 'once' ? [name] : []));
}
