import { describe, expect, it } from 'vitest';
import { newBatch } from '../../../src/domain/batches/batch.ts';
import {
  asSubmitted,
  batchEventData,
  fileEventData,
  jobEventData,
} from '../../../src/domain/webhooks/event-data.ts';
import { aFile, aJob } from '../../support/records.ts';

const AT = new Date('2026-11-23T12:00:00Z');
const ISO = '2026-11-23T12:00:00.000Z';
const urlOf = ({ fileId }: { fileId: string }) => `https://kiln.example/${fileId}`;

const output = {
  fileId: 'out',
  filename: 'a.webp',
  mime: 'image/webp',
  size: 5,
  sha256: '00',
  width: 2,
  height: 3,
  expiresAt: AT,
};

describe('a job as a receiver sees it', () => {
  const ready = aJob({
    status: 'ready',
    outputs: [output],
    warnings: ['Mind.'],
    createdAt: AT,
    finishedAt: AT,
  });

  it('has links to what it made, and nothing that is not its owner’s to see', () => {
    const data = jobEventData({ ...ready, callback: null, batchId: 'batch' }, urlOf);
    expect(data).toEqual({
      id: ready._id,
      status: 'ready',
      dialect: 'graphql',
      batchId: 'batch',
      inputs: [{ fileId: ready.inputs[0]?.fileId, filename: 'photo.png', size: 10, mime: 'image/png' }],
      conversions: [{ source: null, target: 'webp' }],
      outputs: [{ ...output, downloadUrl: 'https://kiln.example/out', expiresAt: ISO }],
      error: null,
      warnings: ['Mind.'],
      createdAt: ISO,
      finishedAt: ISO,
    });
    expect(jobEventData(ready, urlOf)).not.toHaveProperty('batchId');
  });

  it('says why it failed', () => {
    const error = { code: 'CORRUPT_INPUT', message: 'It does not open.' } as const;
    expect(jobEventData(aJob({ status: 'failed', error }), urlOf)).toMatchObject({
      error,
      finishedAt: null,
      outputs: [],
    });
  });

  it('is as it was accepted for whoever is told of that later', () => {
    const [first] = ready.events;
    expect(first).toMatchObject({ cause: 'submitted', status: 'awaiting_upload' });
    expect(asSubmitted(ready)).toMatchObject({
      status: 'awaiting_upload',
      outputs: [],
      warnings: [],
      error: null,
      finishedAt: null,
    });
    expect(asSubmitted({ ...ready, events: [] }).status).toBe('ready');
  });
});

describe('a batch as a receiver sees it', () => {
  const batch = newBatch({
    _id: 'batch',
    owner: 'account:a',
    dialect: 'graphql',
    label: 'holiday',
    jobIds: ['a', 'b'],
    retryOf: null,
    wantsArchive: true,
  });

  it('says how each job ended, in their order', () => {
    const data = batchEventData({ ...batch, outcomes: { b: 'failed' }, finishedAt: AT }, urlOf);
    expect(data).toMatchObject({
      id: 'batch',
      counts: { total: 2, pending: 1, failed: 1 },
      jobs: [
        { id: 'a', status: null },
        { id: 'b', status: 'failed' },
      ],
      archive: { filename: 'holiday.zip', error: null },
      finishedAt: ISO,
    });
    expect(data.archive).not.toHaveProperty('downloadUrl');
  });

  it('has a link to its archive once there is one, and none where none was wanted', () => {
    const archive = { fileId: 'zip', filename: 'holiday.zip', size: 9, expiresAt: AT, error: null };
    expect(batchEventData({ ...batch, archive }, urlOf)).toMatchObject({
      archive: { size: 9, downloadUrl: 'https://kiln.example/zip', expiresAt: ISO },
      finishedAt: null,
    });
    expect(batchEventData({ ...batch, archive: null }, urlOf).archive).toBeNull();
  });
});

it('a file as a receiver sees it does not say where it lies', () => {
  const data = fileEventData(aFile({ _id: 'f', createdAt: AT, expiresAt: AT, sha256: '00' }));
  expect(data).toEqual({
    id: 'f',
    filename: 'photo.png',
    mime: 'image/png',
    size: 10,
    sha256: '00',
    createdAt: ISO,
    expiresAt: ISO,
  });
});
