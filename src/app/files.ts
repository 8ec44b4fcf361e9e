import { type CompleteUploadPorts, createCompleteUpload } from '../operations/files/complete-upload.ts';
import { createPrepareUpload, type PrepareUploadPorts } from '../operations/files/prepare-upload.ts';
import { createReceiveUpload, type ReceiveUploadPorts } from '../operations/files/receive-upload.ts';
import type { Tell } from '../operations/jobs/tell.ts';

export interface UploadsPorts
  extends Omit<CompleteUploadPorts & ReceiveUploadPorts, 'runner'>,
    Omit<PrepareUploadPorts, 'uploads' | 'admissions'> {
  admissions: CompleteUploadPorts['admissions'] & PrepareUploadPorts['admissions'];
  tell: Tell;
}

/** Everything about bringing a file: announcing it, sending its bytes, declaring them complete. */
export function createUploads({ tell, ...ports }: UploadsPorts) {
  return {
    prepareUpload: createPrepareUpload(ports),
    receiveUpload: createReceiveUpload({ ...ports, runner: tell }),
    completeUpload: createCompleteUpload({ ...ports, runner: tell }),
  };
}
