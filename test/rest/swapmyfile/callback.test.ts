import { describe, expect, it } from 'vitest';
import type { Job } from '../../../src/domain/jobs/job.ts';
import { parseOptions } from '../../../src/domain/options/image.ts';
import { describeCallback } from '../../../src/rest/swapmyfile/callback.ts';

const at = new Date('2026-04-06T12:00:00.000Z');

const ready: Job = {
  _id: 'job_123',
  owner: 'account:a',
  dialect: 'swapmyfile',
  status: 'ready',
  inputs: [
    {
      fileId: 'f',
      filename: 'hero.jpg',
      mime: 'image/jpeg',
      size: 1,
      format: 'jpg',
      status: 'ready',
      error: null,
    },
  ],
  conversions: [
    {
      source: 'jpg',
      target: 'png',
      options: parseOptions('image', {}),
      status: 'ready',
      engine: null,
      engineMs: null,
      error: null,
    },
  ],
  outputs: [],
  warnings: [],
  error: null,
  progress: { percent: 100, stage: 'done' },
  callback: {
    url: 'https://client.example/hooks/swapmyfile',
    sealedSecret: 'sealed',
    status: 'failed',
    attempts: 3,
  },
  seq: 1,
  events: [],
  createdAt: at,
  updatedAt: at,
  uploadDeadline: at,
  finishedAt: at,
};

const OUTPUT = {
  fileId: 'f',
  filename: 'hero.png',
  mime: 'image/png',
  size: 1,
  sha256: '',
  width: 1,
  height: 1,
  expiresAt: at,
};
const base = { at, pathOf: () => '/downloads/signed/example', urlOf: () => 'https://kiln.example/x' };

describe('the callback of SwapMyFile', () => {
  it('says that a job is ready, as it was before the first attempt', () => {
    const { event, body } = describeCallback({ ...base, job: { ...ready, outputs: [OUTPUT] } });
    expect(event).toBe('job.ready');
    expect(JSON.parse(body)).toEqual({
      event: 'job.ready',
      deliveredAt: '2026-04-06T12:00:00.000Z',
      job: {
        jobId: 'job_123',
        converterSlug: 'jpg-to-png',
        status: 'ready',
        inputFilename: 'hero.jpg',
        outputFilename: 'hero.png',
        downloadUrl: '/downloads/signed/example',
        callback: { url: 'https://client.example/hooks/swapmyfile', status: 'pending', attempts: 0 },
      },
    });
  });

  it.each([
    ['failed', 'INTERNAL'],
    ['cancelled', 'CANCELLED'],
    ['expired', 'UPLOAD_EXPIRED'],
  ] as const)('says that a %s job has failed, and why: %s', (status, code) => {
    const { event, body } = describeCallback({ ...base, job: { ...ready, status } });
    expect(event).toBe('job.failed');
    expect(JSON.parse(body).job).toMatchObject({
      status: 'failed',
      downloadUrl: null,
      error: { code, message: expect.stringMatching(/\.$/) },
    });
    expect(body).not.toContain('sealed');
  });

  it('gives the reason that the job itself has', () => {
    const error = { code: 'CORRUPT_INPUT', message: 'It does not open.' } as const;
    const { body } = describeCallback({ ...base, job: { ...ready, status: 'failed', error } });
    expect(JSON.parse(body).job.error).toEqual(error);
  });
});
