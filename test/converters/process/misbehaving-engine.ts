/** Replaces the program of an engine process: goes wrong in the way that `inputPath` names. */
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
  environment: () => send({ done: { environment: process.env } }),
  answer: () => send({ done: { pid: process.pid, tasks } }),
};

process.on('message', ({ inputPath = 'answer' }: Task) => {
  tasks += 1;
  BEHAVIOURS[inputPath]?.();
});
process.on('disconnect', () => process.exit());

function send(message: object): void {
  process.send?.(message);
}
