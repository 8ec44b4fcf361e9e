import type { Quote as QuoteRecord } from '../src/domain/price.ts';
import { builder } from './builder.ts';

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
  }),
});

const QuoteInput = builder.inputType('QuoteInput', {
  description: 'A conversion that you think of.',
  fields: (t) => ({
    source: t.string({ required: true, description: 'Format of the file: an id or extension.' }),
    target: t.string({ required: true, description: 'Format that is wanted: an id or extension.' }),
    durationSeconds: t.float({ description: 'Length of the media, if you know it.' }),
  }),
});

builder.queryField('quote', (t) =>
  t.field({
    type: Quote,
    description: 'What a conversion would cost, before anything is sent.',
    args: { input: t.arg({ type: QuoteInput, required: true, description: 'The conversion.' }) },
    resolve: (_root, { input: { source, target, durationSeconds } }, { operations }) =>
      operations.quote({ source, target, seconds: durationSeconds ?? undefined }),
  }),
);
