import { KilnError } from '../domain/errors.ts';
import type { StoredFile } from '../domain/files/file.ts';
import type { Page } from '../domain/page.ts';
import { type Collections, insertIfAbsent, translateErrors } from './mongo/mongo.ts';
import { paging } from './mongo/paging.ts';

export interface FilePage extends Page {
  owner: string;
}

export type FileRepository = ReturnType<typeof createFileRepository>;

/** Stored objects. A file past its expiry is treated as gone, whether or not its bytes are. */
export function createFileRepository({ files }: Pick<Collections, 'files'>) {
  return translateErrors({
    async get(id: string): Promise<StoredFile> {
      const file = await files.findOne({ _id: id });
      if (!file || file.expiresAt.getTime() <= Date.now())
        throw new KilnError('NOT_FOUND', 'There is no such file.');
      return file;
    },

    /** Also one past its expiry, for a job that it is kept for. */
    async getKept(id: string): Promise<StoredFile> {
      const file = await files.findOne({ _id: id });
      if (!file) throw new KilnError('NOT_FOUND', 'There is no such file.');
      return file;
    },

    insertIfAbsent: (file: StoredFile) => insertIfAbsent(files, file),

    /**
     * Inserts unless there is such a file already. One that has expired is none any more.
     * @returns the file that stands: this one, or the one of whoever came before.
     */
    async publish(file: StoredFile): Promise<StoredFile> {
      for (;;) {
        if (await insertIfAbsent(files, file)) return file;
        const standing = await files.findOne({ _id: file._id });
        if (standing && standing.expiresAt.getTime() > Date.now()) return standing;
        if (standing) await files.deleteOne({ _id: standing._id, expiresAt: standing.expiresAt });
      }
    },

    /** Where the bytes of these files are, as far as there are such files. */
    async blobsOf(ids: readonly string[]): Promise<Map<string, string>> {
      const found = await files.find({ _id: { $in: [...ids] } }, { projection: { blobId: 1 } }).toArray();
      return new Map(found.map(({ _id, blobId }) => [_id, blobId]));
    },

    /** Records what the bytes turned out to be. */
    async setMediaInfo(
      id: string,
      mediaInfo: Pick<StoredFile, 'format' | 'width' | 'height' | 'seconds'>,
    ): Promise<void> {
      await files.updateOne({ _id: id }, { $set: mediaInfo });
    },

    async remove(id: string): Promise<void> {
      await files.deleteOne({ _id: id });
    },

    async list({ owner, ...page }: FilePage): Promise<StoredFile[]> {
      const { bounds, options } = paging('_id', page);
      return files.find({ owner, expiresAt: { $gt: new Date() }, ...bounds }, options).toArray();
    },
  });
}
