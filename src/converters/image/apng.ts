import { open, readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { KilnError } from '../../domain/errors.ts';
import { sharp } from './sharp-library.ts';
import type { Size } from './size.ts';

/* Animated PNG: PNG Specification (Third Edition), 4.9, 11.3.6. */

/** All frames of an animation as they are seen, stacked from top to bottom, four bytes a pixel. */
export interface Animation extends Size {
  data: Uint8Array;
  /** Milliseconds of each frame. */
  delays: number[];
  /** How often it is played; 0 for ever. */
  loop: number;
}

interface Chunk {
  type: string;
  data: Buffer;
}

/** A part of the canvas that a frame draws. */
interface Part extends Size {
  left: number;
  top: number;
  delay: number;
  dispose: number;
  blend: number;
  pixels: Buffer[];
}

const SIGNATURE_BYTES = 8;
const CHUNK_HEAD_BYTES = 8;
const CRC_BYTES = 4;
const SEQUENCE_BYTES = 4;
const CHANNELS = 4;
/** Until the next frame the canvas is left, cleared where this one was drawn, or put back. */
const DISPOSE = { clear: 1, restore: 2 };
const BLEND_OVER = 1;
/** Chunks that say how the pixels of every frame are to be read. */
const SHARED = new Set(['PLTE', 'tRNS', 'gAMA', 'cHRM', 'sRGB', 'iCCP', 'cICP', 'sBIT']);

/** Returns how many frames a PNG file says that it has; 1 for one without animation. Reads heads of chunks only. */
export async function countFrames(path: string): Promise<number> {
  const file = await open(path);
  try {
    for (let at = SIGNATURE_BYTES; ; ) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(12), 0, 12, at);
      const type = buffer.toString('latin1', 4, 8);
      if (bytesRead < 12 || type === 'IDAT') return 1;
      if (type === 'acTL') return Math.max(1, buffer.readUInt32BE(CHUNK_HEAD_BYTES));
      at += CHUNK_HEAD_BYTES + buffer.readUInt32BE(0) + CRC_BYTES;
    }
  } finally {
    await file.close();
  }
}

/**
 * Draws the frames of an animated PNG over each other, all of them or the one with the index `only`.
 * @throws KilnError CORRUPT_INPUT if a frame is missing or lies outside the picture
 */
export async function drawFrames(path: string, only?: number): Promise<Animation> {
  const chunks = chunksOf(await readFile(path));
  const header = chunks[0]?.data;
  if (!header || header.length < 13) throw damaged();
  const { width, height } = sizeAt(header, 0);
  const shared = chunks.filter(({ type }) => SHARED.has(type));
  const parts = partsOf(chunks, { width, height });
  const control = chunks.find(({ type }) => type === 'acTL')?.data;
  // The limits were checked against what the file says.
  if (parts.length !== control?.readUInt32BE(0)) throw damaged();
  const frameBytes = width * height * CHANNELS;
  const data = Buffer.alloc(frameBytes * (only === undefined ? parts.length : 1));
  let canvas = Buffer.alloc(frameBytes);
  for (const [index, part] of parts.entries()) {
    const before = part.dispose === DISPOSE.restore ? Buffer.from(canvas) : canvas;
    draw(canvas, width, part, await decode(header, shared, part));
    if (only === undefined) canvas.copy(data, index * frameBytes);
    if (index === only) {
      canvas.copy(data);
      break;
    }
    if (part.dispose === DISPOSE.clear) draw(canvas, width, { ...part, blend: 0 });
    canvas = before;
  }
  const delays = parts.map(({ delay }) => delay);
  return { width, height: data.length / (width * CHANNELS), data, delays, loop: control.readUInt32BE(4) };
}

function chunksOf(bytes: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE_BYTES; at + CHUNK_HEAD_BYTES <= bytes.length; ) {
    const start = at + CHUNK_HEAD_BYTES;
    const end = start + bytes.readUInt32BE(at);
    if (end + CRC_BYTES > bytes.length) throw damaged();
    chunks.push({ type: bytes.toString('latin1', at + 4, start), data: bytes.subarray(start, end) });
    at = end + CRC_BYTES;
  }
  return chunks;
}

/** Returns the frames in order. A picture before the first frame's control chunk is not a part of the animation. */
function partsOf(chunks: readonly Chunk[], canvas: Size): Part[] {
  const parts: Part[] = [];
  for (const { type, data } of chunks) {
    if (type === 'fcTL') parts.push(partOf(data));
    if (type === 'IDAT') parts.at(-1)?.pixels.push(data);
    if (type === 'fdAT') parts.at(-1)?.pixels.push(data.subarray(SEQUENCE_BYTES));
  }
  const isWrong = ({ pixels, left, top, width, height }: Part) =>
    pixels.length === 0 || left + width > canvas.width || top + height > canvas.height;
  if (parts.length === 0 || parts.some(isWrong)) throw damaged();
  return parts;
}

function partOf(control: Buffer): Part {
  if (control.length < 26) throw damaged();
  const [numerator, denominator] = [control.readUInt16BE(20), control.readUInt16BE(22) || 100];
  return {
    ...sizeAt(control, 4),
    left: control.readUInt32BE(12),
    top: control.readUInt32BE(16),
    delay: Math.round((numerator * 1000) / denominator),
    dispose: control.readUInt8(24),
    blend: control.readUInt8(25),
    pixels: [],
  };
}

function sizeAt(data: Buffer, at: number): Size {
  return { width: data.readUInt32BE(at), height: data.readUInt32BE(at + 4) };
}

/** Decodes one frame by making a PNG file of its own of it. */
async function decode(header: Buffer, shared: readonly Chunk[], part: Part): Promise<Buffer> {
  const own = Buffer.from(header);
  own.writeUInt32BE(part.width, 0);
  own.writeUInt32BE(part.height, 4);
  const png = Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    ...[
      { type: 'IHDR', data: own },
      ...shared,
      ...part.pixels.map((data) => ({ type: 'IDAT', data })),
      { type: 'IEND', data: Buffer.alloc(0) },
    ].map(encodeChunk),
  ]);
  return sharp(png, { failOn: 'error' }).toColourspace('srgb').ensureAlpha().raw().toBuffer();
}

function encodeChunk({ type, data }: Chunk): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Draws a frame's pixels on the canvas; without pixels clears the part. */
function draw(canvas: Buffer, canvasWidth: number, part: Part, pixels?: Buffer): void {
  const { width, height, left, top, blend } = part;
  const rowBytes = width * CHANNELS;
  for (let y = 0; y < height; y += 1) {
    const at = ((top + y) * canvasWidth + left) * CHANNELS;
    if (!pixels) canvas.fill(0, at, at + rowBytes);
    else if (blend !== BLEND_OVER) pixels.copy(canvas, at, y * rowBytes, (y + 1) * rowBytes);
    else for (let x = 0; x < rowBytes; x += CHANNELS) blendOver(canvas, at + x, pixels, y * rowBytes + x);
  }
}

/** Puts one pixel over another (Porter and Duff's "over", colours not multiplied by their alpha). */
function blendOver(canvas: Buffer, at: number, pixels: Buffer, from: number): void {
  const above = (pixels[from + 3] ?? 0) / 255;
  const below = ((canvas[at + 3] ?? 0) / 255) * (1 - above);
  const alpha = above + below;
  if (above === 0) return;
  for (let i = 0; i < 3; i += 1)
    canvas[at + i] = Math.round(((pixels[from + i] ?? 0) * above + (canvas[at + i] ?? 0) * below) / alpha);
  canvas[at + 3] = Math.round(alpha * 255);
}

function damaged(): KilnError {
  return new KilnError('CORRUPT_INPUT', 'The PNG animation is damaged or not complete.');
}
