import { findCycle, type SourceFile } from './source-file.ts';

interface Law {
  /** Modules that run. */
  values: readonly string[];
  /** Erased before anything runs, so these may reach further: the shape of an activity, never its code. */
  types?: readonly string[];
}

const CAPABILITIES = ['converters', 'store', 'blobs', 'net', 'secrets'];

/** Who may import whom, besides itself. A folder that is not here has no law yet and is refused. */
export const LAWS: Readonly<Record<string, Law>> = {
  // What is true, what may be asked, when, where.
  domain: { values: [] },
  operations: { values: ['domain', 'basics'], types: ['store', 'blobs', 'log'] },
  workflows: { values: ['search attributes'], types: ['activities', 'domain', 'operations', 'temporal'] },
  'search attributes': { values: [] },
  activities: { values: ['domain', 'basics'], types: CAPABILITIES },
  temporal: { values: ['domain', 'search attributes'], types: ['workflows', 'operations', 'config', 'log'] },
  // How. The capabilities do not know each other.
  converters: { values: ['domain', 'basics'] },
  store: { values: ['domain', 'basics'] },
  blobs: { values: ['domain', 'basics'] },
  net: { values: ['domain'] },
  secrets: { values: ['domain', 'basics'] },
  // The callers' languages.
  schema: { values: ['operations', 'domain', 'http vocabulary'], types: ['app', 'process', 'log'] },
  rest: { values: ['operations', 'domain', 'http vocabulary'], types: ['secrets'] },
  http: {
    values: ['operations', 'domain', 'rest', 'http vocabulary', 'basics'],
    types: ['blobs', 'secrets', 'log'],
  },
  'http vocabulary': { values: ['domain'], types: ['operations'] },
  // What every process has, and the engines of a machine without any.
  config: { values: ['domain'] },
  log: { values: ['domain'] },
  basics: { values: [] },
  embedded: { values: ['domain', 'bootstrap', 'basics'] },
  bootstrap: { values: [] },
  // Whoever introduces them to each other, and what runs as a process of its own.
  app: {
    // Of `rest` the callbacks, which it hands to the activities: those must not know any dialect.
    values: [...CAPABILITIES, 'domain', 'operations', 'rest', 'temporal', 'log'],
    types: ['config', 'activities'],
  },
  process: {
    values: [
      'app',
      'basics',
      'activities',
      'schema',
      'http',
      'embedded',
      'temporal',
      'operations',
      'secrets',
      'domain',
      'config',
      'log',
      'search attributes',
    ],
  },
  cli: { values: ['basics', 'process', 'config', 'domain', 'embedded', 'converters', 'secrets'] },
};

const PLACES: readonly [RegExp, string][] = [
  // Also what the two say in the same words: neither waits nor reads anything.
  [/^workflows\/(?:search-attributes|summary)\.ts$/, 'search attributes'],
  // A function or two each, that everybody above the domain may use.
  [/^src\/(?:grouped|in-time|is-running|map-concurrently|system-code)\.ts$/, 'basics'],
  // Two files that every API shares.
  [/^src\/http\/(?:credential|status)\.ts$/, 'http vocabulary'],
];

/** The place of a file: its folder, or its name where it stands alone in src. */
function placeOf(path: string): string | undefined {
  const special = PLACES.find(([pattern]) => pattern.test(path))?.[1];
  const [, folder] = /^(?:src\/)?([\w-]+)(?:\/|\.ts$)/.exec(path) ?? [];
  const place = special ?? folder;
  return place !== undefined && place in LAWS ? place : undefined;
}

/** Libraries that one place has to itself, so that they can be exchanged there. */
const OWN_LIBRARIES: readonly [RegExp, readonly string[]][] = [
  [/^mongodb$/, ['store', 'embedded']],
  [/^mongodb-memory-server/, ['embedded']],
  [/^(?:sharp|@imagemagick\/)/, ['converters', 'cli']],
  [/^got$/, ['net']],
  [/^jose$/, ['secrets']],
  [/^@temporalio\/(?:client|worker)/, ['temporal']],
  [/^@temporalio\/activity/, ['activities']],
  [/^@temporalio\/workflow/, ['workflows']],
  [/^@temporalio\/common/, ['temporal', 'activities']],
  [/^(?:hono|@hono\/|@fastify\/)/, ['http', 'rest']],
  [/^(?:@pothos\/|graphql-yoga|@escape\.tech\/|graphql$)/, ['schema']],
  [/^(?:graphql-ws|ws)/, ['schema', 'cli']],
  [/^pino$/, ['log']],
  [/^prom-client$/, ['http']],
  [/^commander$/, ['cli']],
  [/^node:child_process$/, ['converters', 'embedded', 'bootstrap']],
];

/** Libraries that these places may use at all; the others may use any that is not somebody's own. */
const ONLY_LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  domain: ['uuid', 'zod', 'ipaddr.js'],
  workflows: ['@temporalio/workflow'],
};

/** Who may read process.env, and why. */
const ENVIRONMENT_READERS: Readonly<Record<string, string>> = {
  'src/config.ts': 'the one reader of what an operator sets',
  'src/embedded/install/https-get.ts': 'the proxies of this machine, by the names that every tool knows',
  'src/converters/process/spawn-engine.ts': 'hands PATH on to an engine that gets an environment of its own',
};

const MAX_LINES = 250;
/** Tables are read by looking something up, not from top to bottom. */
const TABLES = /^src\/domain\/formats\//;
const STATED_REASON = /longer than \d+ lines because/i;

/** Every law that a file breaks, each as one sentence. */
export function violationsOf(file: SourceFile): string[] {
  return [...importViolations(file), ...libraryViolations(file), ...formViolations(file)];
}

function importViolations({ path, imports }: SourceFile): string[] {
  const place = placeOf(path);
  if (place === undefined) return [`${path} lies where no law says what it may import`];
  const { values, types = [] } = LAWS[place] ?? { values: [] };
  return imports.flatMap(({ target, typeOnly }) => {
    if (!isOurs(target)) return [];
    const other = placeOf(target);
    if (other === place || (other && values.includes(other))) return [];
    if (other && types.includes(other))
      return typeOnly ? [] : [`${path} must say "import type" for ${target}`];
    return [`${path} (${place}) must not import ${target}`];
  });
}

function libraryViolations({ path, imports }: SourceFile): string[] {
  const place = placeOf(path) ?? '';
  const allowed = ONLY_LIBRARIES[place];
  return imports
    .filter(({ target, typeOnly }) => !isOurs(target) && !typeOnly)
    .filter(({ target }) => {
      const owners = OWN_LIBRARIES.find(([pattern]) => pattern.test(target))?.[1];
      return (owners && !owners.includes(place)) || (allowed && !allowed.includes(target));
    })
    .map(({ target }) => `${path} (${place}) must not use ${target}`);
}

function formViolations(file: SourceFile): string[] {
  const { path } = file;
  const name = path.split('/').at(-1) ?? '';
  const long = file.lines > MAX_LINES && !TABLES.test(path) && !STATED_REASON.test(file.preamble);
  return [
    ...(/^[a-z0-9]+(?:-[a-z0-9]+)*\.(?:ts|js)$/.test(name) ? [] : [`${path} is not in kebab-case`]),
    ...(/^(?:utils?|helpers?|common|types|service)\./.test(name)
      ? [`${path} has a name that says nothing`]
      : []),
    ...(file.hasDefaultExport ? [`${path} has a default export`] : []),
    ...(placeOf(path) === 'domain' && file.waits ? [`${path} waits, but the domain is pure`] : []),
    ...(file.readsEnvironment && !(path in ENVIRONMENT_READERS) && placeOf(path) !== 'bootstrap'
      ? [`${path} reads process.env`]
      : []),
    ...(long ? [`${path} has ${file.lines} lines and does not say why`] : []),
  ];
}

function isOurs(target: string): boolean {
  return /^(?:src|workflows|activities|schema|bootstrap|test|harness|\.\.)\//.test(target);
}

/** Why these files load each other in a circle, or nothing. */
export function cycleViolations(files: SourceFile[]): string[] {
  const cycle = findCycle(files);
  return cycle ? [`a circle of imports: ${cycle.join(' → ')}`] : [];
}
