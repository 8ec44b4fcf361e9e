import { readFile } from 'node:fs/promises';
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { expect, it } from 'vitest';
import { schema } from '../../schema/index.ts';
import { printedSchema } from '../../schema/print.ts';
import { ERROR_CODES } from '../../src/domain/errors.ts';

const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'));

it('is what schema.graphql says (npm run schema writes it)', async () => {
  expect(printedSchema()).toBe(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8'));
});

it('explains every type, field, argument and value', () => {
  const silent = types.flatMap(undescribed).filter((name) => !/^(Boolean|Float|ID|Int|String)$/.test(name));
  expect(silent).toEqual([]);
});

it('knows every error code, and each result every kind of error', () => {
  const codes = schema.getType('ErrorCode');
  expect(isEnumType(codes) && codes.getValues().map(({ name }) => name)).toEqual(
    Object.keys(ERROR_CODES).toSorted(),
  );
  const errors = types.filter(
    (type) => isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Error'),
  );
  for (const type of types) {
    if (isUnionType(type)) expect(type.getTypes()).toEqual(expect.arrayContaining(errors));
  }
  expect(errors).toHaveLength(7);
});

function undescribed(type: GraphQLNamedType): string[] {
  const own = type.description ? [] : [type.name];
  if (isEnumType(type)) return [...own, ...silentAmong(type.name, type.getValues())];
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return own;
  const fields = Object.values(type.getFields());
  const args = fields.flatMap((field) =>
    'args' in field ? silentAmong(`${type.name}.${field.name}`, field.args) : [],
  );
  return [...own, ...silentAmong(type.name, fields), ...args];
}

function silentAmong(
  parent: string,
  parts: readonly { name: string; description?: string | null | undefined }[],
) {
  return parts.filter(({ description }) => !description).map(({ name }) => `${parent}.${name}`);
}
