const keyword = <Name extends string>(name: Name) => ({ name, type: 'KEYWORD' as const });

/** What a person can filter by in Temporal UI. */
export const ATTRIBUTES = {
  owner: keyword('KilnOwner'),
  source: keyword('KilnSource'),
  target: keyword('KilnTarget'),
  stage: keyword('KilnStage'),
  engine: keyword('KilnEngine'),
  error: keyword('KilnError'),
} as const;
