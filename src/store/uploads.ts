import { KilnError } from '../domain/errors.ts';
import type { Upload } from '../domain/files/file.ts';
import type { StoredError } from '../domain/jobs/job.ts';
import { type Collections, insertIfAbsent, insertMissing, translateErrors } from './mongo/mongo.ts';

export type UploadRepository = ReturnType<typeof createUploadRepository>;

/** Upload intents; each step is one conditional update, so that two racing clients cannot both win. */
export function createUploadRepository({ uploads }: Pick<Collections, 'uploads'>) {
  async function get(id: string): Promise<Upload> {
    const upload = await uploads.findOne({ _id: id });
    if (!upload) throw new KilnError('NOT_FOUND', 'There is no such upload.');
    return upload;
  }

  return translateErrors({
    get,

    /** Null when there never was one. */
    find: (id: string): Promise<Upload | null> => uploads.findOne({ _id: id }),

    /** Those of these uploads that exist, by id. */
    async findMany(ids: readonly string[]): Promise<Map<string, Upload>> {
      const found = ids.length > 0 ? await uploads.find({ _id: { $in: [...ids] } }).toArray() : [];
      return new Map(found.map((upload) => [upload._id, upload]));
    },

    insertIfAbsent: (upload: Upload): Promise<boolean> => insertIfAbsent(uploads, upload),
    insertMissing: (many: readonly Upload[]): Promise<void> => insertMissing(uploads, many),

    /**
     * Puts freshly stored bytes under the intent.
     * @returns the blob that they replace, for removal; or 'closed' when the upload was finalized meanwhile.
     */
    async receive(
      id: string,
      blobId: string,
      received: NonNullable<Upload['received']>,
    ): Promise<string | null | 'closed'> {
      const before = await uploads.findOneAndUpdate(
        { _id: id, state: { $in: ['open', 'received'] } },
        { $set: { state: 'received', blobId, received } },
        { returnDocument: 'before' },
      );
      return before ? before.blobId : 'closed';
    },

    /** Only the first of many parallel calls returns true. */
    async finalize(id: string): Promise<boolean> {
      const { modifiedCount } = await uploads.updateOne(
        { _id: id, state: 'received' },
        { $set: { state: 'finalized', finalizedAt: new Date() } },
      );
      return modifiedCount === 1;
    },

    /** Accepts no more bytes. @returns the intent as it is now, or null when there never was one. */
    async close(id: string): Promise<Upload | null> {
      const rejected = {
        state: 'rejected',
        fault: { code: 'WRONG_STATE', message: 'The job has ended.' },
      } as const;
      await uploads.updateOne({ _id: id, state: { $in: ['open', 'received'] } }, { $set: rejected });
      return uploads.findOne({ _id: id });
    },

    /** Ends the upload for good; what was wrong is told by the job. */
    async reject(id: string, fault: StoredError): Promise<void> {
      await uploads.updateOne(
        { _id: id, state: { $in: ['open', 'received'] } },
        { $set: { state: 'rejected', fault } },
      );
    },
  });
}
