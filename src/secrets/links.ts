import { LONGEST_SESSION_MS } from '../domain/access/session.ts';
import type { StoredFile, Upload } from '../domain/files/file.ts';
import { LINKED_MS, type Retention } from '../domain/files/retention.ts';
import type { Job, JobOutput } from '../domain/jobs/job.ts';
import type { TokenPurpose, TokenSigner } from './signed-token.ts';

/** How long a job's status token is valid. */
const STATUS_TOKEN_MS = 7 * 24 * 3_600_000;
/** How long a guest token is valid: as long as a file lives by default. */
const GUEST_TOKEN_MS = 24 * 3_600_000;

/** Returns the milliseconds after which nothing is valid any more that an old master key has signed. */
export function longestTokenMs({ uploadMs, fileMs }: Pick<Retention, 'uploadMs' | 'fileMs'>): number {
  return Math.max(STATUS_TOKEN_MS, GUEST_TOKEN_MS, LONGEST_SESSION_MS, uploadMs, fileMs + LINKED_MS);
}

type Downloadable =
  | Pick<StoredFile, '_id' | 'filename' | 'expiresAt'>
  | Pick<JobOutput, 'fileId' | 'filename' | 'expiresAt'>;

export type Links = ReturnType<typeof createLinks>;

/**
 * Creates and reads signed links and tokens. Paths begin at the root: each API puts its own public base in front.
 * A token stands in the path as one segment, so there is exactly one way to write each link.
 */
export function createLinks({ issueToken, readToken }: TokenSigner) {
  function subjectOf(purpose: TokenPurpose, token: string): string | 'expired' | null {
    const grant = readToken(purpose, token, new Date());
    if (grant === 'invalid') return null;
    return grant === 'expired' ? grant : grant.subject;
  }

  function downloadPath(file: Downloadable, extraMs: number): string {
    const subject = '_id' in file ? file._id : file.fileId;
    const expiresAt = new Date(file.expiresAt.getTime() + extraMs);
    return `/downloads/signed/${issueToken('download', { subject, expiresAt })}/${encodeURIComponent(file.filename)}`;
  }

  return {
    /** `PUT` raw bytes here. */
    uploadPath: ({ _id, expiresAt }: Upload) =>
      `/_kiln/uploads/${issueToken('upload', { subject: _id, expiresAt })}`,
    /** `POST` multipart/form-data here, one part named `file`; completes by itself. */
    formPath: ({ _id, expiresAt }: Upload) =>
      `/_kiln/uploads/${issueToken('upload', { subject: _id, expiresAt })}/form`,
    /** `POST` here when all bytes were sent. */
    completePath: ({ _id, expiresAt }: Upload) =>
      `/_kiln/uploads/${issueToken('complete', { subject: _id, expiresAt })}/complete`,
    /** `GET` or `HEAD`; the last segment is the file's name, for people. */
    downloadPath: (file: Downloadable) => downloadPath(file, 0),
    /** The same for a message that may arrive late: the link is valid for as long as the file is kept for it. */
    lastingDownloadPath: (file: Downloadable) => downloadPath(file, LINKED_MS),
    statusToken: (job: Job) =>
      issueToken('job-status', {
        subject: job._id,
        expiresAt: new Date(job.createdAt.getTime() + STATUS_TOKEN_MS),
      }),
    guestToken: (guestId: string) =>
      issueToken('guest', { subject: guestId, expiresAt: new Date(Date.now() + GUEST_TOKEN_MS) }),
    subjectOf,
  };
}
