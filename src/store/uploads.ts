import { ConversionError } from '../domain/errors.ts';
import type { Upload } from '../domain/file.ts';
import type { Fault } from '../domain/job.ts';
import { type Collections, translateFaults } from './mongo.ts';

export type UploadRepository = ReturnType<typeof createUploadRepository>;

/** Upload intents; each step is one conditional update, so that two racing clients cannot both win. */
export function createUploadRepository({ uploads }: Pick<Collections, 'uploads'>) {
  async function get(id: string): Promise<Upload> {
    const upload = await uploads.findOne({ _id: id });
    if (!upload) throw new ConversionError('NOT_FOUND', 'There is no such upload.');
    return upload;
  }

  return translateFaults({
    get,

    async insert(upload: Upload): Promise<void> {
      await uploads.insertOne(upload);
    },

    async insertMany(many: readonly Upload[]): Promise<void> {
      if (many.length > 0) await uploads.insertMany([...many]);
    },

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
    async reject(id: string, fault: Fault): Promise<void> {
      await uploads.updateOne(
        { _id: id, state: { $in: ['open', 'received'] } },
        { $set: { state: 'rejected', fault } },
      );
    },
  });
}
