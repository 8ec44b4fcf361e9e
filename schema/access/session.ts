import { DEFAULT_SESSION_MINUTES } from '../../src/domain/access/session.ts';
import type { Session } from '../../src/operations/access/sessions.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';

const SessionKind = builder.enumType('SessionKind', {
  description: 'What a session may do, as far as its key or login may.',
  values: {
    FULL: { value: 'full', description: 'Everything that the key or login may.' },
    READ_ONLY: { value: 'read-only', description: 'See and list.' },
    UPLOAD_ONLY: { value: 'upload-only', description: 'Upload files.' },
  } as const,
});

const CreateSessionSuccess = builder.objectRef<Session>('CreateSessionSuccess').implement({
  description: 'A session. Revoking or rotating its key ends it, and so does `endSessions`.',
  fields: (t) => ({
    token: t.exposeString('token', { description: 'What goes as `Authorization: Bearer …`.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends by itself.' }),
  }),
});

builder.mutationField('createSession', (t) =>
  t.field({
    type: CreateSessionSuccess,
    errors: EXPECTED,
    description:
      'Mints a short-lived token from your API key, for a browser that must not see the key, or from a login.',
    args: {
      kind: t.arg({
        type: SessionKind,
        required: true,
        defaultValue: 'full',
        description: 'What it may do.',
      }),
      minutes: t.arg.int({
        required: true,
        defaultValue: DEFAULT_SESSION_MINUTES,
        description: 'How long it lasts, 1 to 720; from a login 60 at most.',
      }),
    },
    resolve: (_root, { kind, minutes }, context) =>
      refusing(context, () => context.operations.createSession(context.actor, kind, minutes)),
  }),
);
