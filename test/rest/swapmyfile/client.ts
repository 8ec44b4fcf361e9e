import type { Job } from '../../../src/domain/jobs/job.ts';
import { type Answer, type Service, send } from '../../http/service.ts';

/** The example of the SwapMyFile page, with a file of five bytes. */
export const hero = {
  converterSlug: 'jpg-to-png',
  inputFilename: 'hero.jpg',
  inputMime: 'image/jpeg',
  inputSize: 5,
};

/** A scripted client of the dialect. Without headers of its own, a prepare is sent with a Pro key. */
export function createClient(service: Service) {
  const proKey = service.memory.newKey('pro');

  /** What the workflow would have written. */
  async function writeJob(jobId: string, patch: Partial<Job>): Promise<void> {
    await service.memory.jobs.insertIfAbsent({ ...(await service.memory.jobs.get(jobId)), ...patch });
  }

  return {
    proKey,
    writeJob,

    prepare(
      body: unknown,
      headers: Record<string, string> = { 'X-API-Key': proKey },
      path = '/uploads/prepare',
    ): Promise<Answer> {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return send(service.url, path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: text,
      });
    },

    getJob: (id: string, headers: Record<string, string> = {}, query = ''): Promise<Answer> =>
      send(service.url, `/jobs/${id}${query}`, { headers }),

    /** Sends the file to a multipart target. */
    async sendForm(url: string | undefined): Promise<number> {
      const form = new FormData();
      form.set('file', new Blob(['hello']), 'hero.jpg');
      return (await fetch(url ?? '', { method: 'POST', body: form })).status;
    },

    /** Lets the job end with its own input as the result. */
    async makeReady(jobId: string): Promise<void> {
      const { inputs } = await service.memory.jobs.get(jobId);
      const { _id, ...file } = await service.memory.files.get(inputs[0]?.fileId ?? '');
      await writeJob(jobId, { status: 'ready', outputs: [{ ...file, fileId: _id }] });
    },
  };
}
