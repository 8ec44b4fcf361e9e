import type { Filter } from 'mongodb';
import { ConversionError } from '../domain/errors.ts';
import type { StoredFile } from '../domain/file.ts';
import { type Collections, insertIfAbsent, translateFaults } from './mongo.ts';

export interface FilePage {
  owner: string;
  before?: string;
  after?: string;
  limit: number;
}

export type FileRepository = ReturnType<typeof createFileRepository>;

/** Stored objects. A file past its expiry is treated as gone, whether or not its bytes are. */
export function createFileRepository({ files }: Pick<Collections, 'files'>) {
  return translateFaults({
    async get(id: string): Promise<StoredFile> {
      const file = await files.findOne({ _id: id });
      if (!file || file.expiresAt.getTime() <= Date.now())
        throw new ConversionError('NOT_FOUND', 'There is no such file.');
      return file;
    },

    insertIfAbsent: (file: StoredFile) => insertIfAbsent(files, file),

    /** Records what the bytes turned out to be. */
    async setFacts(
      id: string,
      facts: Pick<StoredFile, 'format' | 'width' | 'height' | 'seconds'>,
    ): Promise<void> {
      await files.updateOne({ _id: id }, { $set: facts });
    },

    async remove(id: string): Promise<void> {
      await files.deleteOne({ _id: id });
    },

    async list({ owner, before, after, limit }: FilePage): Promise<StoredFile[]> {
      const filter: Filter<StoredFile> = {
        owner,
        expiresAt: { $gt: new Date() },
        ...((before || after) && { _id: { ...(before && { $lt: before }), ...(after && { $gt: after }) } }),
      };
      return files.find(filter, { sort: { _id: after && !before ? 1 : -1 }, limit }).toArray();
    },
  });
}
