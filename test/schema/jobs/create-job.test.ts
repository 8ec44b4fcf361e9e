import { describe, expect, it } from 'vitest';
import { FORMATS } from '../../../src/domain/formats/find-format.ts';
import { createApi } from '../client.ts';
import { ALICE, BOB, createService } from '../service.ts';

const UNKNOWN_ID = '0192a1b2-0000-7000-8000-00000000dead';
const UPLOAD = { filename: 'hero.jpg', mime: 'image/jpeg', size: 1000 };
const CREATE = `mutation ($input: CreateJobInput!) {
  createJob(input: $input) {
    __typename
    ... on CreateJobSuccess {
      job { id jobId status }
      upload { id fileId method url formUrl completeUrl headers { name value } expiresAt size }
    }
    ... on Error { code message field hint }
  }
}`;

function start() {
  const service = createService();
  const api = createApi(service.operations);
  const create = async (input: object, headers?: Record<string, string>) =>
    (await api.ask(CREATE, { input }, headers)).data.createJob;
  return { ...service, ...api, create };
}

describe('createJob', () => {
  it('is one job when it is asked again under the same idempotencyKey, and refused with another content', async () => {
    const { create } = start();
    const input = { upload: UPLOAD, target: 'png', idempotencyKey: 'my name for it' };
    const [first, second] = [await create(input), await create(input)];
    expect(second.job.jobId).toBe(first.job.jobId);
    expect(second.upload).toEqual(first.upload);
    expect(await create({ ...input, target: 'webp' })).toMatchObject({
      __typename: 'WrongStateError',
      code: 'IDEMPOTENCY_CONFLICT',
      field: 'idempotencyKey',
    });
  });

  it('returns the job and where to send its file', async () => {
    const { create } = start();
    const { job, upload } = await create({ upload: UPLOAD, target: 'PNG', options: { width: 100 } });
    expect(job.status).toBe('AWAITING_UPLOAD');
    expect(upload).toMatchObject({
      method: 'PUT',
      size: 1000,
      headers: [{ name: 'Content-Type', value: 'image/jpeg' }],
    });
    expect(upload.url).toMatch(/^https:\/\/kiln\.test\/_kiln\/uploads\/[^/]+$/);
    expect(upload.formUrl).toMatch(/\/form$/);
    expect(upload.completeUrl).toMatch(/\/complete$/);
    expect(Date.parse(upload.expiresAt)).toBeGreaterThan(Date.now());
  });

  it('runs from the announcement to the download, with the signed link and without the secret', async () => {
    const { create, receive, move, ask } = start();
    const { job, upload } = await create({
      upload: UPLOAD,
      target: 'png',
      callback: { url: 'https://receiver.test/hook', secret: 'top-secret' },
    });
    receive(upload.fileId);
    const completed = await ask(
      `mutation ($id: ID!) { completeJob(id: $id) { ... on CompleteJobSuccess { job { status } } } }`,
      { id: job.id },
    );
    expect(completed.data.completeJob.job.status).toBe('QUEUED');
    move(job.jobId, 'processing');
    move(job.jobId, 'ready', {
      outputs: [
        {
          fileId: upload.fileId,
          filename: 'hero.png',
          mime: 'image/png',
          size: 5_000_000_000,
          sha256: 'b'.repeat(64),
          width: 100,
          height: 50,
          expiresAt: new Date(Date.now() + 60_000),
        },
      ],
    });
    const { data } = await ask(
      `query ($id: ID!) { job(id: $id) {
        status dialect seq finishedAt
        conversions { source target options }
        outputs { size downloadUrl }
        callback { url status attempts }
        events { seq kind status }
      } }`,
      { id: job.jobId },
    );
    expect(data.job).toMatchObject({
      status: 'READY',
      dialect: 'GRAPHQL',
      seq: 4,
      conversions: [{ source: null, target: 'png', options: { fit: 'inside' } }],
      outputs: [{ size: 5_000_000_000 }],
      callback: { url: 'https://receiver.test/hook', status: 'PENDING', attempts: 0 },
    });
    expect(data.job.outputs[0].downloadUrl).toMatch(
      /^https:\/\/kiln\.test\/downloads\/signed\/.+\/hero\.png$/,
    );
    expect(data.job.events.map((event: { status: string }) => event.status)).toEqual([
      'AWAITING_UPLOAD',
      'QUEUED',
      'PROCESSING',
      'READY',
    ]);
    expect(JSON.stringify(data)).not.toContain('secret');
  });

  it('waits for the end of a job on a stored file when asked to', async () => {
    const { create, receive, ask, move } = start();
    const prepared = await ask(
      `mutation ($input: UploadInput!) { prepareUpload(input: $input) { ... on PrepareUploadSuccess { upload { id fileId } } } }`,
      { input: UPLOAD },
    );
    const { id, fileId } = prepared.data.prepareUpload.upload;
    receive(fileId);
    const completed = await ask(
      `mutation ($id: ID!) { completeUpload(id: $id) { ... on CompleteUploadSuccess { file { id size } job { id } } } }`,
      { id },
    );
    expect(completed.data.completeUpload).toMatchObject({ file: { size: 1000 }, job: null });

    const created = create({ fileId: completed.data.completeUpload.file.id, target: 'webp', wait: 20_000 });
    const jobId = await until<string>(
      async () => (await ask('{ jobs { edges { node { jobId } } } }')).data.jobs.edges[0]?.node.jobId,
    );
    move(jobId, 'processing');
    move(jobId, 'ready');
    expect(await created).toMatchObject({ job: { status: 'READY' }, upload: null });
  });
});

describe('expected failures', () => {
  it.each([
    [{ target: 'png' }, 'InvalidInputError', 'INVALID_INPUT', 'upload'],
    [{ target: 'png', upload: UPLOAD, fileId: 'x' }, 'InvalidInputError', 'INVALID_INPUT', 'upload'],
    [{ target: 'png', fileId: 'nonsense' }, 'InvalidInputError', 'INVALID_INPUT', 'fileId'],
    [{ target: 'nope', upload: UPLOAD }, 'InvalidInputError', 'UNSUPPORTED_CONVERSION', 'target'],
    [
      { target: 'png', upload: UPLOAD, options: { widht: 1 } },
      'InvalidInputError',
      'INVALID_OPTION',
      'options.widht',
    ],
    [
      { target: 'png', upload: { ...UPLOAD, filename: '' } },
      'InvalidInputError',
      'INVALID_INPUT',
      'upload.filename',
    ],
    [{ target: 'png', upload: { ...UPLOAD, size: 10_000_001 } }, 'LimitError', 'TOO_LARGE', 'upload.size'],
    [{ target: 'png', upload: UPLOAD, wait: 1 }, 'InvalidInputError', 'INVALID_INPUT', 'wait'],
    [{ target: 'png', fileId: UNKNOWN_ID, wait: 30_001 }, 'InvalidInputError', 'INVALID_INPUT', 'wait'],
    [{ target: 'png', fileId: UNKNOWN_ID }, 'NotFoundError', 'NOT_FOUND', null],
    [
      { target: 'png', upload: UPLOAD, callback: { url: 'http://169.254.169.254/' } },
      'InvalidInputError',
      'BLOCKED_ADDRESS',
      'callback.url',
    ],
  ])('%j is %s', async (input, type, code, field) => {
    const { create } = start();
    const result = await create(input);
    expect(result).toMatchObject({ __typename: type, code, field });
    expect(result.message).toMatch(/\.$/);
  });

  it('asks the anonymous for a key, and guests not to have callbacks', async () => {
    const { create, links } = start();
    expect(await create({ target: 'png', upload: UPLOAD }, {})).toMatchObject({
      __typename: 'ForbiddenError',
      code: 'UNAUTHENTICATED',
    });
    const guest = { Authorization: `Bearer ${links.guestToken('0192a1b2-0000-7000-8000-000000000001')}` };
    const callback = { url: 'https://receiver.test' };
    expect(await create({ target: 'png', upload: UPLOAD, callback }, guest)).toMatchObject({
      __typename: 'ForbiddenError',
      code: 'FORBIDDEN',
      field: 'callback.url',
    });
  });

  it('says that the file has not arrived, and that an ended job cannot be cancelled', async () => {
    const { create, ask, move } = start();
    const { job } = await create({ upload: UPLOAD, target: 'png' });
    const early = await ask(
      `mutation ($id: ID!) { completeJob(id: $id) { __typename ... on Error { code } } }`,
      { id: job.id },
    );
    expect(early.data.completeJob).toEqual({ __typename: 'WrongStateError', code: 'UPLOAD_MISSING' });

    const cancel = `mutation ($id: ID!) { cancelJob(id: $id) { __typename ... on CancelJobSuccess { job { status } } ... on Error { code } } }`;
    move(job.jobId, 'failed');
    expect((await ask(cancel, { id: job.id })).data.cancelJob).toEqual({
      __typename: 'WrongStateError',
      code: 'WRONG_STATE',
    });
    const second = await create({ upload: UPLOAD, target: 'png' });
    expect((await ask(cancel, { id: second.job.id })).data.cancelJob).toEqual({
      __typename: 'CancelJobSuccess',
      job: { status: 'CANCELLED' },
    });
  });

  it('answers a foreign job exactly like an unknown one, whatever the entry point', async () => {
    const { create, ask } = start();
    const { job, upload } = await create({ upload: UPLOAD, target: 'png' });
    const ids = (id: string, fileId: string) => ({ id, fileId });
    const query = `query ($id: ID!, $fileId: ID!) { job(id: $id) { id } file(id: $fileId) { id } }`;
    const change = `mutation ($id: ID!, $fileId: ID!) {
      completeJob(id: $id) { ...error } cancelJob(id: $id) { ...error } completeUpload(id: $fileId) { ...error }
    }
    fragment error on Error { code message field hint }`;
    const bob = { 'X-API-Key': BOB };
    const withoutWording = (text: string) => text.replaceAll(/There is no such \w+\./g, '');
    for (const document of [query, change]) {
      const foreign = await ask(document, ids(job.jobId, upload.fileId), bob);
      const unknown = await ask(document, ids(UNKNOWN_ID, UNKNOWN_ID), bob);
      expect(withoutWording(JSON.stringify(foreign))).toBe(withoutWording(JSON.stringify(unknown)));
      expect(JSON.stringify(foreign)).toContain('NOT_FOUND');
    }
    const nodes = await ask(
      'query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }',
      { id: job.id },
      bob,
    );
    expect(nodes).toEqual({ data: { node: null, nodes: [null] } });
  });
});

describe('reading', () => {
  it('says who asks', async () => {
    const { ask, links } = start();
    const me = async (headers: Record<string, string>) =>
      (await ask('{ me { kind accountId plan guestId } }', {}, headers)).data.me;
    expect(await me({ Authorization: `Bearer ${ALICE}` })).toEqual({
      kind: 'ACCOUNT',
      accountId: ALICE,
      plan: 'pro',
      guestId: null,
    });
    expect(await me({ Authorization: `Bearer ${links.guestToken('guest-1')}` })).toMatchObject({
      kind: 'GUEST',
      guestId: 'guest-1',
    });
    expect(await me({})).toMatchObject({ kind: 'ANONYMOUS', accountId: null });
  });

  it('finds jobs and files again by their global ids', async () => {
    const { create, ask, receive } = start();
    const { job, upload } = await create({ upload: UPLOAD, target: 'png' });
    receive(upload.fileId);
    const done = await ask(
      `mutation ($id: ID!) { completeUpload(id: $id) { ... on CompleteUploadSuccess { file { id } job { id } } } }`,
      { id: upload.id },
    );
    const { file } = done.data.completeUpload;
    expect(done.data.completeUpload.job.id).toBe(job.id);
    const { data } = await ask(
      `query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Job { status } ... on File { filename } } }`,
      { ids: [job.id, file.id] },
    );
    expect(data.nodes).toEqual([
      { id: job.id, status: 'QUEUED' },
      { id: file.id, filename: 'hero.jpg' },
    ]);
    const { errors } = await ask('query ($id: ID!) { node(id: $id) { id } }', { id: upload.id });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'id' });
  });

  it('lists formats with their targets and the schema of their options', async () => {
    const { ask } = start();
    const { data } = await ask('{ formats(category: IMAGE, from: "jpeg") { id writable optionsSchema } }');
    const png = data.formats.find(({ id }: { id: string }) => id === 'png');
    expect(png).toMatchObject({
      writable: true,
      optionsSchema: { type: 'object', additionalProperties: false },
    });
    expect(png.optionsSchema.properties).toHaveProperty('width');
    const all = await ask('{ formats { id readable writable targets { id } optionsSchema } }');
    expect(all.data.formats).toHaveLength(FORMATS.size);
    for (const { readable, writable, targets, optionsSchema } of all.data.formats) {
      expect(targets.length > 0).toBe(readable);
      expect(optionsSchema !== null).toBe(writable);
    }
    expect((await ask('{ formats(category: AUDIO) { id } }')).data.formats).toEqual([]);
    expect((await ask('{ formats(from: "nope") { id } }')).errors?.[0]?.extensions).toMatchObject({
      field: 'from',
    });
  });
});

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
