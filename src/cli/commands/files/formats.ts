import { FORMATS, targetsOf } from '../../../domain/formats/find-format.ts';
import type { Format, FormatId } from '../../../domain/formats/format.ts';
import { print } from '../../terminal/print.ts';
import { printJson } from '../../terminal/print-json.ts';
import { renderTable } from '../../terminal/terminal.ts';

interface FormatView extends Pick<Format, 'id' | 'name' | 'category' | 'extensions' | 'mime'> {
  readable: boolean;
  writable: boolean;
  targets: FormatId[];
}

/** `kiln formats`: prints the formats and what can become what. Needs no running service. */
export function listFormats({ json }: { json?: boolean }): void {
  const formats = [...FORMATS.values()].map(({ id, name, category, extensions, mime, readers, writers }) => ({
    id,
    name,
    category,
    extensions,
    mime,
    readable: readers.length > 0,
    writable: writers.length > 0,
    targets: targetsOf(id),
  }));
  if (json) printJson(formats);
  else print(`${render(formats)}\n`);
}

function render(formats: readonly FormatView[]): string {
  const rows = formats.map(({ id, name, category, extensions, readable, writable }) => [
    id,
    name,
    category,
    extensions.join(' '),
    readable ? 'yes' : 'no',
    writable ? 'yes' : 'no',
  ]);
  const columns = ['format', 'name', 'category', 'extensions', 'source', 'target'].map((title) => ({
    title,
  }));
  const pairs = formats.reduce((sum, { targets }) => sum + targets.length, 0);
  return `${renderTable(columns, rows)}

${formats.length} formats, ${pairs} conversions: every source becomes every target of its category.`;
}
