import { type Job, resultName } from '../jobs/job.ts';

/** The name of a result within the archive: no two are alike, not even on a disk that ignores case. */
export function archiveNames(jobs: readonly Pick<Job, 'inputs' | 'conversions'>[]): string[] {
  const taken = new Set<string>();
  return jobs.map((job) => {
    const name = safeName(resultName(job));
    const dot = name.lastIndexOf('.');
    const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
    let unique = name;
    for (let n = 2; taken.has(unique.normalize('NFC').toLowerCase()); n += 1)
      unique = `${stem} (${n})${extension}`;
    taken.add(unique.normalize('NFC').toLowerCase());
    return unique;
  });
}

const CONTROL_OR_SEPARATOR = /[\p{Cc}\p{Cf}/\\:*?"<>|]/gu;
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;

/** A name that every system unpacks into the folder it was told to. */
export function safeName(name: string): string {
  const clean = name.replace(CONTROL_OR_SEPARATOR, '_').replace(/^\.+|[. ]+$/g, '_');
  return RESERVED.test(clean) ? `_${clean}` : clean;
}
