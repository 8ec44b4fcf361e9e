import { createConverters, type EngineDescription } from '../../converters/converters.ts';
import { FORMATS, targetsOf } from '../../domain/formats/find-format.ts';
import type { Finding, Section } from './finding.ts';

/** Starts every converting engine once, to see that it works here. */
export async function inspectConverters(): Promise<Section> {
  const converters = createConverters({ processes: 1 });
  try {
    const engines = await converters.describeEngines();
    const pairs = [...FORMATS.keys()].reduce((sum, id) => sum + targetsOf(id).length, 0);
    return {
      title: `Converters (${FORMATS.size} formats, ${pairs} conversions; \`kiln formats\` lists them)`,
      findings: engines.map(describe),
    };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const fix = 'Install the locked packages anew: npm ci.';
    return { title: 'Converters', findings: [{ name: 'processes', state: 'missing', found, fix }] };
  } finally {
    await converters.close();
  }
}

function describe({ name, version, reads, writes }: EngineDescription): Finding {
  return { name, state: 'ok', found: `${version}; reads ${reads.join(' ')}; writes ${writes.join(' ')}` };
}
