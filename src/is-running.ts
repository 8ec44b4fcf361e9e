import { systemCode } from './system-code.ts';
/** Whether there is a process of this id, whoever's it is. An id that was given away again looks alive. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Not permitted means that it is there, as somebody else's.
    return systemCode(error) === 'EPERM';
  }
}
