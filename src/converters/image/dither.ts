const THRESHOLD = 128;
const WHITE = 255;

/**
 * Turns grey into black and white in place, spreading each pixel's error over its neighbours
 * (Floyd and Steinberg, 1976), so that areas keep their brightness.
 */
export function ditherToTwoTones(grey: Uint8Array, width: number): void {
  // Errors of this row and the next, with a margin on both sides that saves a test at each edge.
  let row = new Float32Array(width + 2);
  let next = new Float32Array(width + 2);
  for (let start = 0; start < grey.length; start += width) {
    for (let x = 1; x <= width; x++) {
      const wanted = (grey[start + x - 1] ?? 0) + (row[x] ?? 0);
      const given = wanted < THRESHOLD ? 0 : WHITE;
      const error = wanted - given;
      grey[start + x - 1] = given;
      add(row, x + 1, (error * 7) / 16);
      add(next, x - 1, (error * 3) / 16);
      add(next, x, (error * 5) / 16);
      add(next, x + 1, error / 16);
    }
    [row, next] = [next, row.fill(0)];
  }
}

function add(errors: Float32Array, index: number, value: number): void {
  errors[index] = (errors[index] ?? 0) + value;
}
