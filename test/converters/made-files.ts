import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** Makes a PNG whose header claims any size, without the pixels for it. */
export function pngClaiming(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(Buffer.alloc(1000))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** One chunk with its length and checksum. */
export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([u32(data.length), body, u32(crc32(body))]);
}

/** A colourful picture with something to recognise in each corner. */
export function scene(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const data = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inDisc = Math.hypot(x - width * 0.3, y - height * 0.35) < Math.min(width, height) * 0.25;
      const pixel = inDisc
        ? [250, 220, 60, 255]
        : [(x * 255) / width, (y * 200) / height, 120, x < width / 2 ? 255 : 128];
      data.set(pixel.slice(0, channels), (y * width + x) * channels);
    }
  }
  return sharp(data, { raw: { width, height, channels } });
}

/** Frames that differ, as one animation. */
export async function animation(
  format: 'gif' | 'webp',
  frames: number,
  width = 24,
  height = 16,
): Promise<Buffer> {
  const pictures = Array.from({ length: frames }, (_, index) =>
    sharp({
      create: {
        width,
        height,
        channels: 3,
        background: { r: (index * 97) % 256, g: (index * 31) % 256, b: 90 },
      },
    })
      .png()
      .toBuffer(),
  );
  const joined = sharp(await Promise.all(pictures), { join: { animated: true } });
  return format === 'gif' ? joined.gif().toBuffer() : joined.webp().toBuffer();
}

/** A GIMP file: opaque blue below, a smaller red layer in the top left corner (XCF, version 1). */
export function xcf(width: number, height: number): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  const put = (...parts: Buffer[]) => {
    const at = length;
    for (const part of parts) {
      chunks.push(part);
      length += part.length;
    }
    return at;
  };
  const end = Buffer.alloc(8);
  const head = [Buffer.from('gimp xcf v001\0'), u32(width), u32(height), u32(0)];
  const runLength = [u32(17), u32(1), Buffer.from([1])];
  // Header, three pointers to come (two layers and the end), one for the absent channels.
  put(...head, ...runLength, end);
  const pointersAt = put(Buffer.alloc(16));
  const layers = [
    { w: Math.floor(width / 2), h: Math.floor(height / 2), rgba: [255, 0, 0, 255] },
    { w: width, h: height, rgba: [0, 0, 255, 255] },
  ].map(({ w, h, rgba }) => {
    const tile = put(...rgba.map((value) => flatRuns(w * h, value)));
    const level = put(u32(w), u32(h), u32(tile), u32(0));
    const hierarchy = put(u32(w), u32(h), u32(4), u32(level), u32(0));
    const name = Buffer.from('layer\0');
    const visible = [u32(8), u32(4), u32(1), u32(6), u32(4), u32(255), u32(15), u32(8), u32(0), u32(0)];
    return put(u32(w), u32(h), u32(1), u32(name.length), name, ...visible, end, u32(hierarchy), u32(0));
  });
  const file = Buffer.concat(chunks);
  layers.forEach((offset, index) => {
    file.writeUInt32BE(offset, pointersAt + index * 4);
  });
  return file;
}

/** XCF's run-length code for one channel of one value. */
function flatRuns(pixels: number, value: number): Buffer {
  const runs: number[] = [];
  for (let left = pixels; left > 0; left -= 127) runs.push(Math.min(left, 127) - 1, value);
  return Buffer.from(runs);
}

/** An uncompressed camera raw file with one flat grey exposure (Adobe DNG 1.4, Bayer pattern). */
export function dng(width: number, height: number): Buffer {
  const [BYTE, ASCII, SHORT, LONG, RATIONAL, SRATIONAL] = [1, 2, 3, 4, 5, 10];
  const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1].flatMap((value) => [value, 1]);
  const entries: [tag: number, type: number | undefined, count: number, value: Buffer][] = [
    [254, LONG, 1, le32(0)],
    [256, LONG, 1, le32(width)],
    [257, LONG, 1, le32(height)],
    [258, SHORT, 1, le16(16)],
    [259, SHORT, 1, le16(1)],
    [262, SHORT, 1, le16(32803)],
    [271, ASCII, 5, Buffer.from('Kiln\0')],
    [272, ASCII, 5, Buffer.from('Test\0')],
    [273, LONG, 1, le32(8)],
    [277, SHORT, 1, le16(1)],
    [278, LONG, 1, le32(height)],
    [279, LONG, 1, le32(width * height * 2)],
    [33421, SHORT, 2, le16(2, 2)],
    [33422, BYTE, 4, Buffer.from([0, 1, 1, 2])],
    [50706, BYTE, 4, Buffer.from([1, 4, 0, 0])],
    [50708, ASCII, 5, Buffer.from('Test\0')],
    [50717, LONG, 1, le32(65535)],
    [50721, SRATIONAL, 9, le32(...identity)],
    [50728, RATIONAL, 3, le32(1, 1, 1, 1, 1, 1)],
    [50778, SHORT, 1, le16(21)],
  ];
  const pixels = Buffer.alloc(width * height * 2);
  for (let at = 0; at < pixels.length; at += 2) pixels.writeUInt16LE(20_000, at);
  const directoryAt = 8 + pixels.length;
  let extraAt = directoryAt + 2 + entries.length * 12 + 4;
  const extras: Buffer[] = [];
  const rows = entries.map(([tag, type = 0, count, value]) => {
    if (value.length <= 4)
      return Buffer.concat([le16(tag, type), le32(count), value, Buffer.alloc(4 - value.length)]);
    const padded = Buffer.concat([value, Buffer.alloc(value.length % 2)]);
    extras.push(padded);
    extraAt += padded.length;
    return Buffer.concat([le16(tag, type), le32(count, extraAt - padded.length)]);
  });
  return Buffer.concat([
    Buffer.from('II*\0'),
    le32(directoryAt),
    pixels,
    le16(entries.length),
    ...rows,
    le32(0),
    ...extras,
  ]);
}

/** A 32-bit icon holding several sizes, each as PNG. */
export async function ico(...sides: number[]): Promise<Buffer> {
  const pictures = await Promise.all(sides.map((side) => scene(side, side, 4).png().toBuffer()));
  let offset = 6 + sides.length * 16;
  const entries = pictures.map((picture, index) => {
    const side = sides[index] ?? 0;
    const entry = Buffer.concat([
      Buffer.from([side % 256, side % 256, 0, 0]),
      le16(1, 32),
      le32(picture.length, offset),
    ]);
    offset += picture.length;
    return entry;
  });
  return Buffer.concat([le16(0, 1, sides.length), ...entries, ...pictures]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function le16(...values: number[]): Buffer {
  return Buffer.from(Uint16Array.from(values).buffer);
}

function le32(...values: number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}
