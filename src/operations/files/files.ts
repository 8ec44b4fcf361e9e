import type { Readable } from 'node:stream';
import type { BlobStore, ByteRange } from '../../blobs/blob-store.ts';
import { type Caller, requireScope } from '../../domain/access/account.ts';
import { KilnError } from '../../domain/errors.ts';
import type { StoredFile } from '../../domain/files/file.ts';
import { ownerKey } from '../../domain/jobs/job.ts';
import type { Page } from '../../domain/page.ts';
import type { FileRepository } from '../../store/files.ts';

export interface FilesPorts {
  files: FileRepository;
  blobs: Pick<BlobStore, 'read'>;
}

/** Stored files: the caller's own, or any file whose signed link has already been checked. */
export function createFiles({ files, blobs }: FilesPorts) {
  return {
    async findFile(caller: Caller, id: string): Promise<StoredFile> {
      // Whoever may only bring files may still see what became of one.
      requireScope(caller, 'read', 'upload');
      return findOwnFile(files, ownerOf(caller), id);
    },

    async listFiles(caller: Caller, page: Page): Promise<StoredFile[]> {
      if (caller.kind === 'anonymous') throw new KilnError('UNAUTHENTICATED', 'This needs an API key.');
      requireScope(caller, 'read');
      return files.list({ ...page, owner: ownerKey(caller) });
    },

    fileOfSignedLink: (id: string): Promise<StoredFile> => files.get(id),
    readFile: (file: StoredFile, range?: ByteRange): Promise<Readable> => blobs.read(file.blobId, range),
  };
}

/** @throws KilnError NOT_FOUND, word for word the same for the file of somebody else. */
export async function findOwnFile(
  files: Pick<FileRepository, 'get'>,
  owner: string | null,
  id: string,
): Promise<StoredFile> {
  const file = await files.get(id);
  if (file.owner === owner) return file;
  throw new KilnError('NOT_FOUND', 'There is no such file.');
}

/** Null for whoever shows nothing and so owns nothing. */
export function ownerOf(caller: Caller): string | null {
  return caller.kind === 'anonymous' ? null : ownerKey(caller);
}
