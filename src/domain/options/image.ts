import { z } from 'zod';
import { KilnError } from '../errors.ts';
import type { FormatCategory } from '../formats/format.ts';
import { harmless, hintAmong } from '../names.ts';

/** The most pixels that an option may ask for on one side. */
const MAX_SIDE = 16_384;

const side = (name: string) => z.int().min(1).max(MAX_SIDE).describe(`${name} of the result in pixels.`);

const imageOptions = z.strictObject({
  width: side('Width').optional(),
  height: side('Height').optional(),
  fit: z
    .enum(['inside', 'contain', 'cover', 'fill', 'outside'])
    .describe(
      'How the picture fills width and height when both are given. inside: at most that large. contain: exactly that large, with borders. cover: exactly that large, cropped. fill: exactly that large, stretched. outside: at least that large.',
    )
    .default('inside'),
  quality: z
    .int()
    .min(1)
    .max(100)
    .describe('Quality of lossy compression. For PNG it reduces the number of colours.')
    .optional(),
  lossless: z.boolean().describe('Keeps every pixel as it is, where the target format can.').default(false),
  effort: z
    .int()
    .min(0)
    .max(9)
    .describe('Time spent on a smaller file: 0 is fastest, 9 is smallest.')
    .optional(),
  background: z
    .string()
    .regex(/^(?:#[0-9a-f]{6}(?:[0-9a-f]{2})?|transparent)$/i)
    .describe('A colour such as #ffffff or #ffffff80, or transparent.')
    .optional(),
  rotate: z
    .literal([0, 90, 180, 270])
    .describe('Degrees clockwise, after the orientation that the camera noted.')
    .default(0),
  flip: z.boolean().describe('Mirrors top to bottom.').default(false),
  flop: z.boolean().describe('Mirrors left to right.').default(false),
  page: z.int().min(1).max(100_000).describe('The one page or frame to convert; the first is 1.').optional(),
  density: z
    .int()
    .min(1)
    .max(2400)
    .describe('Dots per inch at which SVG is drawn; 96 draws it at its own size.')
    .optional(),
  stripMetadata: z
    .boolean()
    .describe(
      'Leaves out EXIF, GPS position and other notes. Orientation is applied and colours become sRGB either way.',
    )
    .default(true),
});

/** What can be asked of a picture's conversion, defaults filled in. Survives JSON unchanged. */
export type ImageOptions = z.infer<typeof imageOptions>;

/** Options of any category, as a plan and the database hold them. */
export type StepOptions = ImageOptions;

const SCHEMAS: Partial<Record<FormatCategory, typeof imageOptions>> = { image: imageOptions };

/** Checks a caller's options and fills in the defaults; the first wrong one is named. */
export function parseOptions(category: FormatCategory, raw: unknown): StepOptions {
  const parsed = schemaOf(category).safeParse(raw);
  if (parsed.success) return parsed.data;
  throw asKilnError(category, parsed.error);
}

const JSON_SCHEMAS = new Map<FormatCategory, Readonly<Record<string, unknown>>>();

/** The same rules for forms and clients (JSON Schema 2020-12); one object for each category, made when it is first asked for. */
export function optionsJsonSchema(category: FormatCategory): Readonly<Record<string, unknown>> {
  const made = JSON_SCHEMAS.get(category);
  if (made) return made;
  const schema = Object.freeze(z.toJSONSchema(schemaOf(category), { io: 'input' }));
  JSON_SCHEMAS.set(category, schema);
  return schema;
}

function schemaOf(category: FormatCategory) {
  const schema = SCHEMAS[category];
  if (!schema)
    throw new KilnError(
      'UNSUPPORTED_CONVERSION',
      `Kiln does not convert to formats of the category "${category}".`,
    );
  return schema;
}

function asKilnError(category: FormatCategory, error: z.ZodError): KilnError {
  const [issue] = error.issues;
  const names = Object.keys(schemaOf(category).shape);
  if (issue?.code === 'unrecognized_keys') return unknownOption(issue.keys[0] ?? '', names);
  const name = issue?.path[0];
  if (typeof name !== 'string') {
    return new KilnError('INVALID_OPTION', 'The options must be an object.', {
      field: 'options',
      hint: hintAmong(names),
    });
  }
  const rule = propertyOf(category, name);
  return new KilnError('INVALID_OPTION', `The option ${name} must be ${allowed(rule)}.`, {
    field: `options.${name}`,
    ...(rule.description === undefined ? {} : { hint: rule.description }),
  });
}

function unknownOption(name: string, names: readonly string[]): KilnError {
  const shown = harmless(name);
  return new KilnError('INVALID_OPTION', `There is no option "${shown}" for this conversion.`, {
    field: `options.${shown}`,
    hint: hintAmong(names, name),
  });
}

interface Rule {
  type?: string;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  description?: string;
}

function propertyOf(category: FormatCategory, name: string): Rule {
  const { properties } = optionsJsonSchema(category) as { properties: Record<string, Rule> };
  return properties[name] ?? {};
}

function allowed(rule: Rule): string {
  if (rule.enum) return `one of ${rule.enum.join(', ')}`;
  if (rule.type === 'integer') return `a whole number from ${rule.minimum} to ${rule.maximum}`;
  if (rule.type === 'boolean') return 'true or false';
  return 'a colour such as #ffffff or #ffffff80, or transparent';
}
