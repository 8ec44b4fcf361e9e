import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/domain/jobs/job.ts';
import type { SwapmyfileJob } from '../../../src/rest/swapmyfile/job.ts';
import type { PreparedJob } from '../../../src/rest/swapmyfile/response.ts';
import { type Service, send, startService } from '../../http/service.ts';
import { createClient, hero } from './client.ts';

let service: Service;
let client: ReturnType<typeof createClient>;
beforeAll(async () => {
  service = await startService();
  client = createClient(service);
});
afterAll(() => service.close());

describe('polling a job', () => {
  async function readyJob(headers: Record<string, string>) {
    const prepared = (
      await client.prepare({ ...hero, uploadMode: 'multipart' }, headers)
    ).json<PreparedJob>();
    await client.sendForm(prepared.upload?.url);
    await client.makeReady(prepared.job.jobId);
    return prepared;
  }

  it('shows its owner the result, as a link that works', async () => {
    const { job } = await readyJob({ 'X-API-Key': client.proKey });
    for (const path of [`/jobs/${job.jobId}`, `/jobs/${job.jobId}/`]) {
      const answer = await send(service.url, path, { headers: { 'X-API-Key': client.proKey } });
      expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
      const { downloadUrl, status, progress } = answer.json<{ job: SwapmyfileJob }>().job;
      expect([status, progress]).toEqual(['ready', undefined]);
      expect(downloadUrl).toMatch(/^\/downloads\/signed\//);
      expect((await send(service.url, downloadUrl ?? '')).text).toBe('hello');
    }
  });

  it('shows a guest the result, and the bearer of a status token only the state', async () => {
    const { job, statusToken, guestToken } = await readyJob({});
    const asGuest = await client.getJob(job.jobId, { Authorization: `Bearer ${guestToken}` });
    expect(asGuest.json<{ job: SwapmyfileJob }>().job.downloadUrl).toMatch(/^\/downloads\/signed\//);
    const asWatcher = await client.getJob(job.jobId, {}, `?token=${statusToken}`);
    expect(asWatcher.status).toBe(200);
    expect(asWatcher.json<{ job: SwapmyfileJob }>().job).toMatchObject({ jobId: job.jobId, status: 'ready' });
    expect(asWatcher.text).not.toContain('download');
  });

  it('keeps the guest who comes back with the token', async () => {
    const first = (await client.prepare(hero, {})).json<PreparedJob>();
    const headers = { Authorization: `Bearer ${first.guestToken}` };
    const second = (await client.prepare(hero, headers)).json<PreparedJob>();
    for (const { job } of [first, second]) expect((await client.getJob(job.jobId, headers)).status).toBe(200);
    const stranger = (await client.prepare(hero, {})).json<PreparedJob>();
    expect(
      (await client.getJob(first.job.jobId, { Authorization: `Bearer ${stranger.guestToken}` })).status,
    ).toBe(404);
  });

  it('answers a foreign job exactly like one that does not exist', async () => {
    const { job } = (await client.prepare(hero)).json<PreparedJob>();
    const other = { 'X-API-Key': service.memory.newKey('pro') };
    const [foreign, unknown, odd] = await Promise.all([
      client.getJob(job.jobId, other),
      client.getJob('019b0000-0000-7000-8000-000000000000', other),
      client.getJob('%24ne', other),
    ]);
    expect(foreign.status).toBe(404);
    expect(foreign.text).toBe(unknown.text);
    expect(foreign.text).toBe(odd.text);
  });

  it('needs a credential, and one token that is meant for this job', async () => {
    const { job, statusToken } = (await client.prepare(hero)).json<PreparedJob>();
    const other = (await client.prepare(hero)).json<PreparedJob>();
    const statuses = await Promise.all(
      [
        '',
        '?token=',
        '?token=wrong',
        `?token=${statusToken}x`,
        `?token=${statusToken}&token=${statusToken}`,
        `?token=${other.statusToken}`,
        `?token=${statusToken}`,
      ].map(async (query) => (await client.getJob(job.jobId, {}, query)).status),
    );
    expect(statuses).toEqual([401, 401, 401, 401, 401, 404, 200]);
  });

  it('is not opened by a status token in the place of a key', async () => {
    const { job, statusToken } = (await client.prepare(hero)).json<PreparedJob>();
    expect((await client.getJob(job.jobId, { Authorization: `Bearer ${statusToken}` })).status).toBe(401);
    expect((await client.getJob(job.jobId, { 'X-API-Key': 'wrong' }, `?token=${statusToken}`)).status).toBe(
      401,
    );
  });

  it.each<[Job['status'], string, SwapmyfileJob['error']]>([
    ['draft', 'awaiting_upload', undefined],
    ['awaiting_upload', 'awaiting_upload', undefined],
    ['importing', 'queued', undefined],
    ['queued', 'queued', undefined],
    ['processing', 'processing', undefined],
    ['failed', 'failed', { code: 'CORRUPT_INPUT', message: 'The file is damaged.' }],
    ['cancelled', 'failed', { code: 'CANCELLED', message: 'The job was cancelled.' }],
    ['expired', 'failed', { code: 'UPLOAD_EXPIRED', message: 'The file did not arrive in time.' }],
  ])('calls %s %s', async (status, shown, error) => {
    const { job, statusToken } = (await client.prepare(hero)).json<PreparedJob>();
    await client.writeJob(job.jobId, {
      status,
      error: status === 'failed' ? { code: 'CORRUPT_INPUT', message: 'The file is damaged.' } : null,
    });
    const view = (await client.getJob(job.jobId, {}, `?token=${statusToken}`)).json<{ job: SwapmyfileJob }>()
      .job;
    expect(view.status).toBe(shown);
    expect(view.error).toEqual(error);
    expect(view.progress).toEqual(error ? undefined : { percent: 0, stage: 'waiting for the upload' });
  });
});
