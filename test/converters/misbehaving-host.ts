/** Stands in for the engine host and does what `inputPath` says: the ways in which an engine goes wrong. */
const hoard: Buffer[] = [];
let tasks = 0;

interface Task {
  inputPath?: string;
}

const BEHAVIOURS: Record<string, () => void> = {
  hang: () => {
    for (;;);
  },
  crash: () => process.abort(),
  exit: () => process.exit(3),
  eat: () => {
    setInterval(() => hoard.push(Buffer.alloc(16 * 2 ** 20, 1)), 5);
  },
  environment: () => tell({ done: { environment: process.env } }),
  answer: () => tell({ done: { pid: process.pid, tasks } }),
};

process.on('message', ({ inputPath = 'answer' }: Task) => {
  tasks += 1;
  BEHAVIOURS[inputPath]?.();
});
process.on('disconnect', () => process.exit());

function tell(message: object): void {
  process.send?.(message);
}
