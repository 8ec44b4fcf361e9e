import { randomBytes } from 'node:crypto';
import type { BlobStore } from '../src/blobs/blob-store.ts';
import { attemptBlobId } from '../src/domain/files/blob-name.ts';

/** Returns a blob id that no other attempt at the same file has. `name` is what all of them have in common. */
export function newAttemptBlobId(name: string): string {
  return attemptBlobId(name, randomBytes(6).toString('hex'));
}

/** Removes the blobs of all attempts at a file except `kept`, the one that its document names. */
export async function removeOtherAttempts(
  blobs: Pick<BlobStore, 'attemptsAt' | 'remove'>,
  name: string,
  kept: string,
): Promise<void> {
  for (const blobId of await blobs.attemptsAt(name)) if (blobId !== kept) await blobs.remove(blobId);
}
