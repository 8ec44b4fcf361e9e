import { DIALECTS, REST_DIALECTS, restRowOf } from '../domain/dialect.ts';

/** The page for a person who opens the service in a browser. */
export const HOME_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kiln</title>
<style>
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; color: #222; background: #fff }
  code { background: #f2f2f2; padding: 0.1em 0.3em }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616 } a { color: #8ab4f8 } code { background: #2a2a2a } }
</style>
</head>
<body>
<h1>Kiln</h1>
<p>A durable file-conversion service: bring a file, name a target, get a result.</p>
<ul>
<li><a href="/graphql">/graphql</a> – the API, described by its own schema</li>
${dialectLines()}
<li><a href="/health">/health</a>, <a href="/ready">/ready</a>, <a href="/metrics">/metrics</a> – for operators</li>
</ul>
<p>The documentation is in the folder <code>docs</code> of the source.</p>
</body>
</html>
`;

/** The page's Content-Security-Policy: nothing but its own style may load or run. */
export const HOME_CSP =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Returns a line of HTML for each dialect. */
function dialectLines(): string {
  return REST_DIALECTS.map((dialect) => {
    const calls = restRowOf(dialect).firstCalls.map((call) => `<code>${call}</code>`);
    return `<li>${calls.join(', ')} – for clients of ${DIALECTS[dialect].product}</li>`;
  }).join('\n');
}
