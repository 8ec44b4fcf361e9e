import { describe, expect, it } from 'vitest';
import { archiveFileId, outputFileId } from '../../../src/domain/derived-ids.ts';
import {
  archiveBlobs,
  attemptBlobId,
  blobOwner,
  earlierBlobId,
  outputBlobs,
} from '../../../src/domain/files/blob-name.ts';
import { newId } from '../../../src/domain/id.ts';

const ID = newId();

describe('the name of a blob says whose it is', () => {
  it('of an upload', () => {
    expect(blobOwner(`${ID}.0a1b2c`)).toEqual({ kind: 'upload', fileId: ID });
  });

  it('of one attempt at an output', () => {
    expect(outputFileId(ID, 1)).not.toBe(outputFileId(ID, 0));
    for (const index of [0, 12])
      expect(blobOwner(attemptBlobId(outputBlobs(ID, index), 'beef'))).toEqual({
        kind: 'output',
        fileId: outputFileId(ID, index),
        jobId: ID,
      });
  });

  it('of one attempt at an archive', () => {
    expect(blobOwner(attemptBlobId(archiveBlobs(ID), 'beef'))).toEqual({
      kind: 'archive',
      fileId: archiveFileId(ID),
      batchId: ID,
    });
  });

  it('of an output as earlier versions made it', () => {
    expect(blobOwner(earlierBlobId(ID))).toEqual({ kind: 'output', fileId: ID, jobId: null });
  });

  it.each(['', ID, `${ID}.`, `${ID}.xyz`, `out.${ID}.0`, `out.${ID}.x~beef`, `zip.${ID}`, `x${ID}.beef`])(
    '%s is nobody’s',
    (name) => {
      expect(blobOwner(name)).toBeNull();
    },
  );
});
