import { hasCode } from '../../src/domain/errors.ts';
import type { StoredFile } from '../../src/domain/files/file.ts';
import { builder } from '../builder.ts';
import { uuidOf } from '../global-id.ts';
import { pageCost, pageOf } from '../page.ts';

const FileOrigin = builder.enumType('FileOrigin', {
  description: 'How a file came to be.',
  values: {
    UPLOAD: { value: 'upload', description: 'Somebody brought it.' },
    OUTPUT: { value: 'output', description: 'A conversion made it.' },
  } as const,
});

/** One stored object. */
export const File = builder.objectRef<StoredFile>('File');

builder.node(File, {
  description: 'A stored file. It is gone after `expiresAt`.',
  id: { resolve: ({ _id }) => _id },
  loadWithoutCache: (id, { operations, caller }) => orNull(operations.findFile(caller, id)),
  fields: (t) => ({
    fileId: t.exposeID('_id', { description: 'The bare UUID, as other APIs of Kiln show it.' }),
    filename: t.exposeString('filename', { description: 'The name it was given.' }),
    size: t.expose('size', { type: 'ByteCount', description: 'Size in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'SHA-256 of the content, lower-case hexadecimal.' }),
    format: t.exposeString('format', {
      nullable: true,
      description: 'Id of the format that the content really has; null until a job has looked at it.',
    }),
    mime: t.exposeString('mime', { description: 'The media type.' }),
    width: t.exposeInt('width', {
      nullable: true,
      description: 'Width in pixels; null where there are none.',
    }),
    height: t.exposeInt('height', {
      nullable: true,
      description: 'Height in pixels; null where there are none.',
    }),
    durationSeconds: t.exposeFloat('seconds', {
      nullable: true,
      description:
        'Length of sound or moving pictures in seconds; null for anything else, and until a job has looked at it.',
    }),
    origin: t.expose('origin', { type: FileOrigin, description: 'How it came to be.' }),
    jobId: t.exposeID('jobId', {
      nullable: true,
      description: 'UUID of the job that it belongs to; null when it belongs to none.',
    }),
    downloadUrl: t.string({
      description: 'Signed link to the content, without further credentials. Works until `expiresAt`.',
      resolve: (file, _args, { operations, publicUrl }) => publicUrl + operations.links.downloadPath(file),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was stored.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it is removed.' }),
  }),
});

builder.queryFields((t) => ({
  file: t.field({
    type: File,
    nullable: true,
    description: 'One of your files; null with the error NOT_FOUND when you own no such file.',
    args: { id: t.arg.id({ required: true, description: 'Its `id` or `fileId`.' }) },
    resolve: (_root, { id }, { operations, caller }) => operations.findFile(caller, uuidOf('File', id, 'id')),
  }),
  files: t.connection({
    type: File,
    description: 'Your files, newest first.',
    complexity: pageCost,
    resolve: (_root, args, { operations, caller }) =>
      pageOf(args, (query) => operations.listFiles(caller, query)),
  }),
}));

/** Returns null where the operation throws NOT_FOUND: `node` has no error for what the caller does not own. */
export async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return null;
    throw error;
  }
}
