import { type CompleteUploadPorts, createCompleteUpload } from '../operations/files/complete-upload.ts';
import { createPrepareUpload, type PrepareUploadPorts } from '../operations/files/prepare-upload.ts';
import { createReceiveUpload, type ReceiveUploadPorts } from '../operations/files/receive-upload.ts';
import type { BestEffortRunner } from '../operations/jobs/best-effort-runner.ts';

export interface UploadsPorts
  extends Omit<CompleteUploadPorts & ReceiveUploadPorts, 'runner'>,
    Omit<PrepareUploadPorts, 'uploads' | 'admissions'> {
  admissions: CompleteUploadPorts['admissions'] & PrepareUploadPorts['admissions'];
  notifier: BestEffortRunner;
}

/** Everything about bringing a file: announcing it, sending its bytes, declaring them complete. */
export function createUploads({ notifier, ...ports }: UploadsPorts) {
  return {
    prepareUpload: createPrepareUpload(ports),
    receiveUpload: createReceiveUpload({ ...ports, runner: notifier }),
    completeUpload: createCompleteUpload({ ...ports, runner: notifier }),
  };
}
