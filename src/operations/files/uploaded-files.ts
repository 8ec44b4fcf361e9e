import type { BlobStore } from '../../blobs/blob-store.ts';
import { hasCode } from '../../domain/errors.ts';
import { isReceived, type ReceivedUpload, type StoredFile } from '../../domain/files/file.ts';
import type { FileRepository } from '../../store/files.ts';
import type { UploadRepository } from '../../store/uploads.ts';

export interface UploadedFilesPorts {
  files: FileRepository;
  uploads: Pick<UploadRepository, 'get'>;
  blobs: Pick<BlobStore, 'size'>;
  /** How long a file is kept. */
  fileMs: number;
}

/** The files, with those among them that are still to be made of a finalized upload. */
export type UploadedFiles = ReturnType<typeof createUploadedFiles>;

/**
 * The files, where a finalized upload is one from the moment it is finalized: two writes make it a file, and
 * a process may die between them. Whoever asks for the file then, finds the second one done.
 */
export function createUploadedFiles({ files, uploads, blobs, fileMs }: UploadedFilesPorts) {
  /**
   * Makes the file of a finalized upload, unless it is there or its time is over. May be repeated.
   * @throws KilnError NOT_FOUND when its bytes were removed.
   */
  async function makeFile(upload: ReceivedUpload): Promise<void> {
    const file = newFile(upload, fileMs);
    if (file.expiresAt.getTime() > Date.now()) await files.insertIfAbsent(file);
    // Looked at afterwards: whoever removes a file removes its bytes first, so one of the two sees the other.
    await blobs.size(file.blobId).catch(async (error: unknown) => {
      if (hasCode(error, 'NOT_FOUND')) await files.remove(file._id);
      throw error;
    });
  }

  async function made(id: string, get: FileRepository['get']): Promise<StoredFile> {
    try {
      return await get(id);
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
      const upload = await uploads.get(id).catch(unlessFound);
      if (upload?.state !== 'finalized' || !isReceived(upload)) throw error;
      await makeFile(upload);
      return get(id);
    }
  }

  return {
    ...files,
    makeFile,

    get: (id: string): Promise<StoredFile> => made(id, files.get),
    getKept: (id: string): Promise<StoredFile> => made(id, files.getKept),
  };
}

function newFile(upload: ReceivedUpload, fileMs: number): StoredFile {
  const { _id, owner, blobId, received, filename, mime, jobId } = upload;
  // Uploads of earlier versions do not say when; before the end of their time it was.
  const createdAt = upload.finalizedAt ?? upload.expiresAt;
  return {
    _id,
    owner,
    blobId,
    filename,
    mime,
    jobId,
    ...received,
    format: null,
    width: null,
    height: null,
    origin: 'upload',
    createdAt,
    expiresAt: new Date(createdAt.getTime() + fileMs),
  };
}

function unlessFound(error: unknown): null {
  if (hasCode(error, 'NOT_FOUND')) return null;
  throw error;
}
