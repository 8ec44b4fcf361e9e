import { DIALECT_IDS, DIALECTS, type Dialect } from '../src/domain/dialect.ts';

/** Returns the values of an enum of all APIs. */
export function dialectValues(): Record<string, { value: Dialect; description: string }> {
  return Object.fromEntries(
    DIALECT_IDS.map((value) => [
      DIALECTS[value].enumValue,
      { value, description: DIALECTS[value].description },
    ]),
  );
}
