import type { WebhookStyle } from './webhooks/webhook-style.ts';

/** Where callers of an API put their key. */
export interface CredentialLocations {
  /** Headers, in the order in which they are looked at; `Authorization` holds a Bearer credential. */
  readonly headers: readonly string[];
  /** The parameter of the query that may hold a key; null where none may. */
  readonly query: string | null;
}

/** The plans whose keys may call an API that is not part of all of them. */
export interface DialectPlanRule {
  /** The term of a plan that says whether it does, as stored. */
  readonly term: `${string}Api`;
  /** The rule that a refusal names. */
  readonly rule: `${string}_ACCESS`;
  /** The plans that include it until an operator says otherwise. */
  readonly plans: readonly string[];
  /** What helps a caller who is refused. */
  readonly hint: string;
}

/** What a REST API wants of the HTTP server. */
export interface RestDialectRow {
  /** The variable with the origin of its absolute URLs; without it they have that of `KILN_PUBLIC_URL`. */
  readonly publicUrlVariable: `KILN_PUBLIC_URL_${Uppercase<string>}`;
  /** The largest body of a request, in bytes; uploads by signed links have a limit of their own. */
  readonly maxBodyBytes: number;
  /** Paths that reach its routes as they were sent, since they are signed; null: all lose doubled and trailing slashes. */
  readonly pathsAsReceived: RegExp | null;
  /** The pages whose scripts may call it; null: none but those of its own origin. */
  readonly cors: { readonly origin: string; readonly headers: readonly string[] } | null;
  /** Its first calls, as the page at `/` shows them. */
  readonly firstCalls: readonly string[];
}

/** Everything that the rest of Kiln has to know of an API to serve it. */
export interface DialectRow {
  /** What people call it. */
  readonly product: string;
  /** What GraphQL says about it. */
  readonly description: string;
  /** Its value in the enums of GraphQL. */
  readonly enumValue: Uppercase<string>;
  /** What keys that are made for it are called, as stored, and how they begin; they work in every API. */
  readonly key: { readonly name: string; readonly prefix: `${string}_live_` };
  readonly credentials: CredentialLocations;
  /** Null: it is part of every plan whose keys work at all. */
  readonly plan: DialectPlanRule | null;
  /** How the callbacks of its jobs are sent. */
  readonly webhook: 'standard' | WebhookStyle;
  /** Null for GraphQL. The folder of a REST API is `src/rest/<id>`. */
  readonly rest: RestDialectRow | null;
}

const SECOND = 1000;
const MEBIBYTE = 2 ** 20;

/** One row an API, under its id as jobs and batches store it. A new one needs its row and its folder, nothing else. */
const TABLE = {
  graphql: {
    product: 'Kiln',
    description: 'This API.',
    enumValue: 'GRAPHQL',
    key: { name: 'kiln', prefix: 'kiln_live_' },
    credentials: { headers: ['X-API-Key', 'Authorization'], query: null },
    plan: null,
    webhook: 'standard',
    rest: null,
  },
  swapmyfile: {
    product: 'SwapMyFile',
    description: 'The REST API of SwapMyFile.',
    enumValue: 'SWAPMYFILE',
    key: { name: 'swapmyfile', prefix: 'smf_live_' },
    credentials: { headers: ['X-API-Key', 'Authorization'], query: null },
    plan: {
      term: 'swapmyfileApi',
      rule: 'SWAPMYFILE_ACCESS',
      plans: ['pro', 'enterprise'],
      hint: 'Upgrade the account to Pro.',
    },
    webhook: {
      schedule: {
        delaysMs: [0, SECOND, 3 * SECOND, 9 * SECOND],
        timeoutMs: 5 * SECOND,
        jitterShare: 0,
        honoursRetryAfter: false,
        goneDisables: false,
        honoursAbort: false,
      },
      headers: {
        event: 'x-swapmyfile-event',
        subject: 'x-swapmyfile-job-id',
        signature: { name: 'x-swapmyfile-signature', prefix: 'sha256=' },
      },
    },
    rest: {
      publicUrlVariable: 'KILN_PUBLIC_URL_SWAPMYFILE',
      maxBodyBytes: MEBIBYTE,
      pathsAsReceived: null,
      cors: null,
      firstCalls: ['POST /uploads/prepare', 'GET /jobs/:jobId'],
    },
  },
} as const satisfies Readonly<Record<string, DialectRow>>;

type Table = typeof TABLE;

/** The API through which a job came; a dialect shows only its own. */
export type Dialect = keyof Table;

export const DIALECTS: Readonly<Record<Dialect, DialectRow>> = TABLE;
export const DIALECT_IDS = Object.keys(TABLE) as Dialect[];

/** The ids of the REST APIs. */
export type RestDialect = { [D in Dialect]: Table[D]['rest'] extends null ? never : D }[Dialect];
export const REST_DIALECTS = DIALECT_IDS.filter((id): id is RestDialect => DIALECTS[id].rest !== null);
export type PublicUrlVariable = Table[RestDialect]['rest']['publicUrlVariable'];

export function restRowOf(dialect: RestDialect): RestDialectRow {
  return TABLE[dialect].rest;
}

/** The ids of the APIs that send webhooks in a way of their own. */
export type OwnWebhookDialect = {
  [D in Dialect]: Table[D]['webhook'] extends 'standard' ? never : D;
}[Dialect];
export const OWN_WEBHOOKS = ownRows((row) => (row.webhook === 'standard' ? null : row.webhook)) as Readonly<
  Record<OwnWebhookDialect, WebhookStyle>
>;

type PlanRuleOf<D extends Dialect> = Table[D]['plan'] extends null ? never : Table[D]['plan'];
/** The terms of plans that are about one API. */
export type DialectTerm = NonNullable<PlanRuleOf<Dialect>>['term'];
/** The rules that such a term stands for. */
export type DialectRule = NonNullable<PlanRuleOf<Dialect>>['rule'];
/** Each API that is not part of every plan, with its rule. */
export const DIALECT_PLAN_RULES = Object.values(DIALECTS).flatMap(({ product, plan }) =>
  plan === null ? [] : [{ ...plan, product, term: plan.term as DialectTerm, rule: plan.rule as DialectRule }],
);

/** APIs that are still to come: keys are made for them already. Whoever brings one moves its line to its row. */
const PLANNED_KEYS = {
  skyconvert: 'oc_live_',
  api2convert: 'kiln_live_',
  uploadcare: 'kiln_live_',
  swayzio: 'kiln_live_',
} as const;

/** What a key may be made for, as stored. */
export type KeyDialect = Table[Dialect]['key']['name'] | keyof typeof PLANNED_KEYS;

/** What a key begins with, by what it is made for. */
export const KEY_PREFIXES: Readonly<Record<KeyDialect, string>> = {
  ...(Object.fromEntries(Object.values(TABLE).map(({ key }) => [key.name, key.prefix])) as Record<
    Table[Dialect]['key']['name'],
    string
  >),
  ...PLANNED_KEYS,
};

/** What `read` finds in the rows, without those where that is null. */
function ownRows<Part>(read: (row: DialectRow) => Part | null): Record<string, Part> {
  const found = DIALECT_IDS.map((id) => [id, read(DIALECTS[id])] as const);
  return Object.fromEntries(found.filter((entry): entry is [Dialect, Part] => entry[1] !== null));
}
