import type { Quote as QuoteRecord } from '../../src/domain/credits/price.ts';
import { KilnError } from '../../src/domain/errors.ts';
import type { QuoteRequest } from '../../src/operations/credits/quote.ts';
import { builder } from '../builder.ts';
import { uuidOf } from '../global-id.ts';

const Quote = builder.objectRef<QuoteRecord>('Quote').implement({
  description: 'What a conversion costs, in media credits. Pictures, documents and archives are free.',
  fields: (t) => ({
    perMinute: t.expose('perMinute', { type: 'Credits', description: 'For each started minute.' }),
    minimum: t.expose('minimum', {
      type: 'Credits',
      description: 'What the account must have for the job to be accepted: one started minute.',
    }),
    ceiling: t.expose('ceiling', {
      type: 'Credits',
      nullable: true,
      description: 'The most it can cost, set aside while it runs; null while the length is not known.',
    }),
    exact: t.exposeBoolean('exact', {
      description: 'Whether the file itself told its format and length: then a job holds just the ceiling.',
    }),
  }),
});

const QuoteInput = builder.inputType('QuoteInput', {
  description: 'The conversion to be priced: of a stored file, or of one that could be sent.',
  fields: (t) => ({
    source: t.string({
      description: 'Format of the file: an id or extension. Exactly one of `source` and `fileId`.',
    }),
    fileId: t.id({ description: 'A file that is already there: its `id` or `fileId`.' }),
    target: t.string({ required: true, description: 'Format that is wanted: an id or extension.' }),
    durationSeconds: t.float({
      description: 'Length of the media in seconds, if you know it; only with `source`.',
    }),
  }),
});

builder.queryField('quote', (t) =>
  t.field({
    type: Quote,
    description: 'Says what a conversion would cost, before anything is done.',
    args: { input: t.arg({ type: QuoteInput, required: true, description: 'The conversion.' }) },
    resolve: (_root, { input }, { operations, caller }) =>
      operations.quote(caller, { input: inputOf(input), target: input.target }),
  }),
);

function inputOf({ source, fileId, durationSeconds }: typeof QuoteInput.$inferInput): QuoteRequest['input'] {
  const seconds = durationSeconds ?? undefined;
  if (fileId && source === undefined && seconds === undefined)
    return { fileId: uuidOf('File', fileId, 'fileId') };
  if (source && fileId === undefined) return { source, seconds };
  throw new KilnError('INVALID_INPUT', 'Send either `source` or `fileId`.', {
    field: 'source',
    hint: 'A file that is there has its own length.',
  });
}
