import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Message, newIntent, type Service, send, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const BOUNDARY = 'x-kiln-boundary';
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const END = `--${BOUNDARY}--\r\n`;

function part(disposition: string, content: string, headers = ''): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n${headers}\r\n${content}\r\n`;
}

const filePart = (content: string) =>
  part('name="file"; filename="hero.jpg"', content, 'Content-Type: image/jpeg\r\n');

async function post(size: number, body: Message['body'], type: string | null = TYPE) {
  const upload = await newIntent(service, size);
  const headers: Record<string, string> = type === null ? {} : { 'Content-Type': type };
  const answer = await send(service.url, service.links.formPath(upload), {
    method: 'POST',
    headers,
    ...(body !== undefined && { body }),
  });
  return { answer, upload: await service.memory.uploads.get(upload._id) };
}

describe('POST of a form', () => {
  it('takes what a browser sends, and completes by itself', async () => {
    const bytes = randomBytes(500_000);
    const upload = await newIntent(service, bytes.length);
    const form = new FormData();
    form.set('title', 'a holiday');
    form.set('file', new Blob([bytes], { type: 'image/jpeg' }), 'hero.jpg');
    const response = await fetch(service.url + service.links.formPath(upload), {
      method: 'POST',
      body: form,
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'completed', size: bytes.length });
    const file = await service.memory.files.get(upload._id);
    expect((await buffer(await service.blobs.read(file.blobId))).equals(bytes)).toBe(true);
  });

  it('takes a form in single bytes, without a length', async () => {
    const { answer } = await post(5, Readable.from(Array.from(filePart('hello') + END)));
    expect(answer.json()).toEqual({ status: 'completed', size: 5 });
  });

  it('takes a file part that has no file name', async () => {
    const { answer } = await post(5, part('name="file"', 'hello') + END);
    expect(answer.status).toBe(200);
  });

  it.each([
    ['longer', 4, 413, 'TOO_LARGE', 'The upload has more than the 4 bytes that were announced.'],
    ['shorter', 6, 409, 'SIZE_MISMATCH', 'The upload has 5 bytes, but 6 were announced.'],
  ])('ends the upload when the file is %s than announced', async (_how, size, status, code, message) => {
    const { answer, upload } = await post(size, filePart('hello') + END);
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject({ error: { code, message } });
    expect(upload).toMatchObject({ state: 'rejected', blobId: null });
  });
});

describe('a form that is not one file', () => {
  const manyFields = part('name="a"', '1').repeat(100_000);

  it.each<[string, string, string | null]>([
    ['has no content type', filePart('hello') + END, null],
    ['has another content type', filePart('hello') + END, 'application/x-www-form-urlencoded'],
    ['names no boundary', filePart('hello') + END, 'multipart/form-data'],
    ['names an empty boundary', filePart('hello') + END, 'multipart/form-data; boundary='],
    ['names another boundary', filePart('hello') + END, 'multipart/form-data; boundary=other'],
    ['has an endless boundary', filePart('hello') + END, `multipart/form-data; boundary=${'b'.repeat(8000)}`],
    ['is empty', '', TYPE],
    ['has no parts', END, TYPE],
    ['has fields only', part('name="a"', '1') + END, TYPE],
    ['has the file under another name', part('name="other"; filename="a"', 'hello') + END, TYPE],
    ['has the file under an inherited name', part('name="__proto__"; filename="a"', 'hello') + END, TYPE],
    ['has a second file', filePart('hello') + filePart('hello') + END, TYPE],
    ['has a field with an empty name', part('name=""', '1') + filePart('hello') + END, TYPE],
    ['has a file with an empty name', part('name=""; filename="a"', 'hello') + END, TYPE],
    ['has a field without a name', part('', '1') + filePart('hello') + END, TYPE],
    ['has 100,000 fields', manyFields + filePart('hello') + END, TYPE],
    [
      'has a header of two megabytes',
      part('name="file"; filename="a"', 'hello', `X-A: ${'a'.repeat(2 ** 21)}\r\n`) + END,
      TYPE,
    ],
    ['has a field of two megabytes', part('name="a"', 'a'.repeat(2 ** 21)) + filePart('hello') + END, TYPE],
    ['has two megabytes in front', `${'a'.repeat(2 ** 21)}\r\n${filePart('hello')}${END}`, TYPE],
    ['has two megabytes behind', filePart('hello') + END + 'a'.repeat(2 ** 21), TYPE],
    ['lacks the last boundary', filePart('hello'), TYPE],
  ])('is refused when it %s', async (_name, body, type) => {
    const { answer, upload } = await post(5, body, type);
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ error: { code: 'INVALID_INPUT' } });
    expect(['open', 'received']).toContain(upload.state);
  });

  it('is refused wherever it stops, and the upload stays usable', async () => {
    const whole = part('name="a"', '1') + filePart('hello') + END;
    const upload = await newIntent(service, 5);
    const path = service.links.formPath(upload);
    const headers = { 'Content-Type': TYPE };
    // What follows the two dashes of the last boundary does not matter.
    for (let length = 0; length < whole.length - 2; length++) {
      const answer = await send(service.url, path, { method: 'POST', headers, body: whole.slice(0, length) });
      expect([length, answer.status]).toEqual([length, 400]);
    }
    expect((await send(service.url, path, { method: 'POST', headers, body: whole })).json()).toEqual({
      status: 'completed',
      size: 5,
    });
  });

  it('leaves nothing behind when the connection breaks at any byte', async () => {
    const whole = filePart('hello') + END;
    const before = (await service.storedBlobs()).length;
    const upload = await newIntent(service, 5);
    const head = `POST ${service.links.formPath(upload)} HTTP/1.1\r\nHost: x\r\nContent-Type: ${TYPE}\r\nContent-Length: ${whole.length}\r\n\r\n`;
    for (let length = 0; length < whole.length; length++) {
      const socket = connect(service.port, '127.0.0.1');
      await new Promise((resolve) => socket.write(head + whole.slice(0, length), resolve));
      socket.destroy();
    }
    expect((await send(service.url, '/health')).status).toBe(200);
    // The file itself was whole a few times: its last copy may stay, under an upload that is still open.
    await expect
      .poll(async () => (await service.storedBlobs()).filter((name) => name.endsWith('.part')))
      .toEqual([]);
    expect((await service.storedBlobs()).length - before).toBeLessThanOrEqual(1);
    expect(['open', 'received']).toContain((await service.memory.uploads.get(upload._id)).state);
  });
});
