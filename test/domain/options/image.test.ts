import { describe, expect, it } from 'vitest';
import { optionsJsonSchema, parseOptions } from '../../../src/domain/options/image.ts';

describe('options of a picture', () => {
  it('are complete and survive JSON', () => {
    const options = parseOptions('image', { width: 640 });
    expect(options).toEqual({
      width: 640,
      fit: 'inside',
      lossless: false,
      rotate: 0,
      flip: false,
      flop: false,
      stripMetadata: true,
    });
    expect(JSON.parse(JSON.stringify(options))).toEqual(options);
  });

  it.each([
    [{ width: 0 }, 'options.width', 'a whole number from 1 to 16384'],
    [{ height: 16_385 }, 'options.height', 'a whole number from 1 to 16384'],
    [{ width: '640' }, 'options.width', 'a whole number'],
    [{ width: Number.NaN }, 'options.width', 'a whole number'],
    [{ quality: 80.5 }, 'options.quality', 'a whole number from 1 to 100'],
    [{ quality: 101 }, 'options.quality', 'a whole number from 1 to 100'],
    [{ fit: 'stretch' }, 'options.fit', 'one of inside, contain, cover, fill, outside'],
    [{ rotate: 45 }, 'options.rotate', 'one of 0, 90, 180, 270'],
    [{ lossless: 'yes' }, 'options.lossless', 'true or false'],
    [{ background: 'red; }' }, 'options.background', 'a colour such as #ffffff'],
    [{ page: -1 }, 'options.page', 'a whole number from 1'],
  ])('%j is refused at %s', (raw, field, sentence) => {
    expect(() => parseOptions('image', raw)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', field, message: expect.stringContaining(sentence) }),
    );
  });

  it.each([
    ['width', 1, 16_384],
    ['height', 1, 16_384],
    ['quality', 1, 100],
    ['effort', 0, 9],
    ['page', 1, 100_000],
    ['density', 1, 2400],
  ])('%s goes from %d to %d', (name, least, most) => {
    for (const value of [least, most])
      expect(parseOptions('image', { [name]: value })).toHaveProperty(name, value);
    for (const value of [least - 1, most + 1])
      expect(() => parseOptions('image', { [name]: value })).toThrow(
        expect.objectContaining({
          code: 'INVALID_OPTION',
          field: `options.${name}`,
          message: `The option ${name} must be a whole number from ${least} to ${most}.`,
        }),
      );
  });

  it.each(['#ffffff', '#FFFFFF80', 'transparent'])('the background may be %s', (background) => {
    expect(parseOptions('image', { background })).toHaveProperty('background', background);
  });

  it.each(['#fff', '#fffffff', '#ffffff8', '#gggggg', 'white', '#ffffff;'])(
    'the background may not be %s',
    (background) => {
      expect(() => parseOptions('image', { background })).toThrow(/must be a colour/);
    },
  );

  it.each([
    ['colour', '{"colour": "#ffffff"}'],
    ['__proto__', '{"__proto__": {"width": 1}}'],
  ])('the unknown %s is refused, and the known ones are listed', (name, json) => {
    expect(() => parseOptions('image', JSON.parse(json))).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: `There is no option "${name}" for this conversion.`,
        hint: expect.stringContaining('width, height, fit'),
      }),
    );
  });

  it('an unknown name is repeated back in 40 harmless characters at most', () => {
    expect(() => parseOptions('image', { [`<b>${'x'.repeat(100)}`]: 1 })).toThrow(
      expect.objectContaining({ field: `options.b${'x'.repeat(39)}` }),
    );
  });

  it.each([null, 5, 'width=5', [1]])('%j is not options', (raw) => {
    expect(() => parseOptions('image', raw)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', field: 'options' }),
    );
  });

  it('are there for a category only if Kiln converts to it', () => {
    expect(() => parseOptions('ebook', {})).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_CONVERSION' }),
    );
  });

  it('are described for forms: each with its limits and a sentence, none required', () => {
    const schema = optionsJsonSchema('image') as { properties: Record<string, Record<string, unknown>> };
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
    expect(schema).not.toHaveProperty('required');
    expect(schema.properties.quality).toMatchObject({ type: 'integer', minimum: 1, maximum: 100 });
    expect(optionsJsonSchema('image')).toBe(schema);
    expect(() => Object.assign(schema, { type: 'string' })).toThrow(TypeError);
    for (const property of Object.values(schema.properties)) expect(property.description).toMatch(/\.$/);
  });
});
