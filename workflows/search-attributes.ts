const keyword = <Name extends string>(name: Name) => ({ name, type: 'KEYWORD' as const });

/** Attributes by which Temporal UI can filter workflows. */
export const ATTRIBUTES = {
  owner: keyword('KilnOwner'),
  source: keyword('KilnSource'),
  target: keyword('KilnTarget'),
  stage: keyword('KilnStage'),
  engine: keyword('KilnEngine'),
  error: keyword('KilnError'),
} as const;
