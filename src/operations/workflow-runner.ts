/** What a job's workflow needs to begin. Ids only: bytes and secrets never travel through Temporal. */
export interface JobStart {
  jobId: string;
  owner: string;
  /** For the Temporal UI: what a person sees first. */
  title: string;
  source: string;
  target: string;
  /** Bytes, as declared; decides between one activity and several. */
  size: number;
  /** Set while the job still waits for its upload: milliseconds since the epoch. */
  uploadDeadline: number | null;
  hasCallback: boolean;
  /** The batch that counts it. */
  batchId?: string;
  /** Share of the engines against other owners. */
  weight?: number;
}

/** What a batch's workflow needs to begin. */
export interface BatchStart {
  batchId: string;
  owner: string;
  title: string;
  /** How many jobs there are. */
  total: number;
  wantsArchive: boolean;
}

/** What a delivery's workflow needs to begin; body and secret stay in the database. */
export interface DeliveryStart {
  deliveryId: string;
  /** The number of its first attempt; a replay goes on counting. */
  attempt: number;
  /** How often that has been put off already. */
  holds?: number;
  /** How long to wait before it. */
  delayMs?: number;
  /** What shares a turn among all that want to be sent: the endpoint. */
  fairnessKey: string;
  /** For the Temporal UI. */
  title: string;
}

/** The port to the workflow engine. Every call is idempotent by the job's id. */
export interface WorkflowRunner {
  startJob(start: JobStart): Promise<void>;
  /** Wakes a job that waits for its upload; starts the workflow first if a crash had lost it. */
  uploadCompleted(start: JobStart): Promise<void>;
  /** Has the workflow of a job look for itself how the job stands; does nothing when it has closed. */
  wakeJob(jobId: string): Promise<void>;
  /** Tells a job that waits for its turn to begin; starts it where it waited without a workflow. */
  admitJob(start: JobStart): Promise<void>;
  /**
   * Ends a job; one that waits without a workflow gets one that ends it.
   * @throws KilnError WRONG_STATE when the job has already ended another way.
   */
  cancelJob(start: JobStart, reason: string): Promise<void>;
  startBatch(start: BatchStart): Promise<void>;
  /** Has a batch look at its jobs, or end them; starts its workflow first if a crash had lost it. */
  signalBatch(start: BatchStart, request: 'count' | 'cancel'): Promise<void>;
  /** Does nothing when the delivery is under way. */
  startDelivery(start: DeliveryStart): Promise<void>;
  /** Ends the present wait of a delivery. @returns false when nothing of it is under way. */
  wakeDelivery(deliveryId: string): Promise<boolean>;
  /** Rejects when Temporal or the workers do not answer. */
  ping(): Promise<void>;
}
