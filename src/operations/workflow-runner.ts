/** The input of a job's workflow. Bytes and secrets never travel through Temporal. */
export interface JobStart {
  jobId: string;
  owner: string;
  /** Shown first in Temporal UI. */
  title: string;
  source: string;
  target: string;
  /** Bytes, as declared; decides between one activity and several. */
  size: number;
  /** Epoch milliseconds; null if the job waits for no upload. */
  uploadDeadline: number | null;
  hasCallback: boolean;
  /** The batch that counts it. */
  batchId?: string;
  /** Fairness weight against other owners. */
  weight?: number;
}

/** The input of a batch's workflow. */
export interface BatchStart {
  batchId: string;
  owner: string;
  title: string;
  /** Number of jobs. */
  total: number;
  wantsArchive: boolean;
}

/** The input of a delivery's workflow; body and secret stay in the database. */
export interface DeliveryStart {
  deliveryId: string;
  /** The number of its first attempt; a replay goes on counting. */
  attempt: number;
  /** How often that attempt has been postponed already. */
  holds?: number;
  /** Milliseconds to wait before it. */
  delayMs?: number;
  /** Deliveries with the same key share one fair part of the workers: the endpoint, or a callback's owner. */
  fairnessKey: string;
  /** Shown in Temporal UI. */
  title: string;
}

/** The port to the workflow engine. Every call is idempotent by the job's id. */
export interface WorkflowRunner {
  startJob(start: JobStart): Promise<void>;
  /** Signals a job that its upload has arrived; starts the workflow first if a crash had lost it. */
  uploadCompleted(start: JobStart): Promise<void>;
  /** Makes the workflow of a job read the job's state; does nothing if it has closed. */
  wakeJob(jobId: string): Promise<void>;
  /** Signals a queued job to begin; starts its workflow if it has none. */
  admitJob(start: JobStart): Promise<void>;
  /**
   * Cancels a job; starts the workflow first if it has none.
   * @throws KilnError WRONG_STATE when the job has already ended another way.
   */
  cancelJob(start: JobStart, reason: string): Promise<void>;
  startBatch(start: BatchStart): Promise<void>;
  /** Makes a batch count its jobs, or cancel them; starts its workflow first if a crash had lost it. */
  signalBatch(start: BatchStart, request: 'count' | 'cancel'): Promise<void>;
  /** Starts a delivery's workflow; does nothing if it is running. */
  startDelivery(start: DeliveryStart): Promise<void>;
  /** Ends the present wait of a delivery. Returns false if no workflow of it is running. */
  wakeDelivery(deliveryId: string): Promise<boolean>;
  /** Rejects when Temporal or the workers do not answer. */
  ping(): Promise<void>;
}
