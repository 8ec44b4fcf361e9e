import { expect, it } from 'vitest';
import { createDescribeCallback } from '../../../src/operations/webhooks/describe-callback.ts';
import { aJob } from '../../support/records.ts';

const OUTPUT = {
  fileId: 'f',
  filename: 'a.webp',
  mime: 'image/webp',
  size: 1,
  sha256: '',
  width: 1,
  height: 1,
  expiresAt: new Date(),
};

/** The links of a callback whose dialect says nothing but those. */
const describeCallback = createDescribeCallback({
  bodies: {
    swapmyfile: ({ job, urlOf, pathOf }) => ({
      event: 'over',
      body: job.outputs.flatMap((output) => [urlOf(output), pathOf(output)]).join(' '),
    }),
  },
  downloadPath: ({ fileId }) => `/${fileId}`,
  downloadUrl: ({ fileId }, dialect) => `https://${dialect}.example/${fileId}`,
});

it('the callback of a dialect has links by the origin of that dialect', () => {
  const job = aJob({ dialect: 'swapmyfile', status: 'ready', outputs: [OUTPUT] });
  expect(describeCallback(job)).toEqual({
    profile: 'swapmyfile',
    event: 'over',
    body: 'https://swapmyfile.example/f /f',
  });
});

it('a job whose API has no words of its own is told in those of Kiln', () => {
  const { profile, event, body } = describeCallback(
    aJob({ dialect: 'graphql', status: 'expired', outputs: [OUTPUT] }),
  );
  expect([profile, event]).toEqual(['standard', 'job.expired']);
  expect(JSON.parse(body)).toMatchObject({
    type: 'job.expired',
    data: { status: 'expired', outputs: [{ downloadUrl: 'https://graphql.example/f' }] },
  });
});
