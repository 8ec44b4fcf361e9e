/** What a login server vouches for: a person, and when that person last proved to be it. */
export interface Login {
  issuer: string;
  /** Who it is, as the issuer counts its people. */
  subject: string;
  /** The account that the token itself names, if it does. */
  accountId: string | null;
  issuedAt: Date;
}

const MAX_SUBJECT = 255;

/** One text per person; an issuer is a URL, so it has no space in it. */
export function loginKey({ issuer, subject }: Pick<Login, 'issuer' | 'subject'>): string {
  return `${issuer} ${subject}`;
}

/** The subject in a text that `loginKey` made. */
export function subjectOfLogin(key: string): string {
  return key.slice(key.indexOf(' ') + 1);
}

/** Whether a login server can mean somebody by it (OpenID Connect Core, 2). */
export function isSubject(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_SUBJECT;
}
