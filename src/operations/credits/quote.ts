import { type Caller, requireScope } from '../../domain/access/account.ts';
import { priceOf, type Quote } from '../../domain/credits/price.ts';
import { KilnError } from '../../domain/errors.ts';
import type { StoredFile } from '../../domain/files/file.ts';
import { formatOfFilename, requireFormat } from '../../domain/formats/find-format.ts';
import type { FormatId } from '../../domain/formats/format.ts';
import { planConversion } from '../../domain/jobs/plan.ts';
import { parseOptions } from '../../domain/options/image.ts';
import type { FileRepository } from '../../store/files.ts';
import { findOwnFile, ownerOf } from '../files/files.ts';

/** A conversion that somebody thinks of; formats may be aliases. */
export interface QuoteRequest {
  input: { source: FormatId; seconds?: number | undefined } | { fileId: string };
  target: FormatId;
}

/** What a conversion would cost: at most, before the file is there, and exactly once it has been read. */
export function createQuote({ files }: { files: Pick<FileRepository, 'get'> }) {
  return async function quote(caller: Caller, { input, target }: QuoteRequest): Promise<Quote> {
    if (!('fileId' in input)) return { ...priced(input.source, target, input.seconds), exact: false };
    requireScope(caller, 'convert', 'read');
    const file = await findOwnFile(files, ownerOf(caller), input.fileId);
    const price = priced(formatOf(file), target, file.seconds ?? undefined);
    // A name is no proof of what a file is, nor is a price without a length.
    return { ...price, exact: file.format !== null && price.ceiling !== null };
  };
}

/** @throws KilnError when Kiln cannot convert that. */
function priced(source: FormatId, target: FormatId, seconds: number | undefined): Omit<Quote, 'exact'> {
  const options = parseOptions(requireFormat(target).category, {});
  planConversion({ source, target, options });
  return priceOf(source, target, seconds);
}

function formatOf({ format, filename }: StoredFile): FormatId {
  const known = format ?? formatOfFilename(filename)?.id;
  if (known !== undefined) return known;
  throw new KilnError('UNSUPPORTED_CONVERSION', 'Nobody knows yet what kind of file this is.', {
    field: 'fileId',
    hint: 'Ask for a quote with `source`.',
  });
}
