import { describe, expect, it } from 'vitest';
import type { Converter, ConvertOutcome } from '../../src/converters/converter.ts';
import { createConverterRegistry } from '../../src/converters/registry.ts';
import { KilnError } from '../../src/domain/errors.ts';
import type { ConvertStep } from '../../src/domain/jobs/plan.ts';
import { parseOptions } from '../../src/domain/options/image.ts';

const step: ConvertStep = {
  category: 'image',
  source: 'jpg',
  target: 'png',
  options: parseOptions('image', {}),
};
const io = { inputPath: '/input', outputPath: '/output', signal: new AbortController().signal };

function converter(name: string, convert: () => Promise<ConvertOutcome>, accepts = true): Converter {
  return { name, accepts: () => accepts, convert };
}

function answering(engine: string): () => Promise<ConvertOutcome> {
  return async () => ({ engine, engineMs: 1, input: {}, output: {}, warnings: [] });
}

function failing(code: 'NOT_SUPPORTED' | 'CORRUPT_INPUT' | 'TOO_MANY_PIXELS'): () => Promise<ConvertOutcome> {
  return async () => {
    throw new KilnError(code, `This one says ${code}.`);
  };
}

describe('the registry', () => {
  it('asks the first that accepts the step', async () => {
    const registry = createConverterRegistry([
      converter('other', answering('other'), false),
      converter('first', answering('first')),
      converter('second', answering('second')),
    ]);
    expect((await registry.convert(step, io)).engine).toBe('first');
  });

  it('goes on to the next when one does not support this file', async () => {
    const registry = createConverterRegistry([
      converter('first', failing('NOT_SUPPORTED')),
      converter('second', answering('second')),
    ]);
    expect((await registry.convert(step, io)).engine).toBe('second');
  });

  it('does not go on after any other failure', async () => {
    const registry = createConverterRegistry([
      converter('first', failing('TOO_MANY_PIXELS')),
      converter('second', answering('second')),
    ]);
    await expect(registry.convert(step, io)).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' });
  });

  it('does not believe one that calls the file damaged before it asked the next', async () => {
    const registry = createConverterRegistry([
      converter('first', failing('CORRUPT_INPUT')),
      converter('second', answering('second')),
    ]);
    expect((await registry.convert(step, io)).engine).toBe('second');
  });

  it('says what the one said that knew the kind of file, and keeps the reasons of all', async () => {
    const registry = createConverterRegistry([
      converter('first', failing('CORRUPT_INPUT')),
      converter('second', failing('NOT_SUPPORTED')),
    ]);
    await expect(registry.convert(step, io)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: 'This one says NOT_SUPPORTED.',
      cause: { message: 'This one says CORRUPT_INPUT.; This one says NOT_SUPPORTED.' },
    });
  });

  it('passes on the last refusal when nobody could', async () => {
    const registry = createConverterRegistry([converter('only', failing('NOT_SUPPORTED'))]);
    await expect(registry.convert(step, io)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  it('says so when nobody accepts', async () => {
    await expect(createConverterRegistry([]).convert(step, io)).rejects.toMatchObject({
      code: 'UNSUPPORTED_CONVERSION',
      message: 'JPEG cannot be converted to PNG.',
    });
  });
});
