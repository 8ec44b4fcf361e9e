// Refuses systems that cannot run Kiln before anything is downloaded: its native parts are built for Linux with
// glibc and for macOS.

/**
 * @typedef {object} System
 * @property {string} platform
 * @property {string | undefined} glibc version of the C library; undefined if that is not glibc
 */

/**
 * Says why Kiln cannot run on a system and what to do instead.
 * @param {System} system
 * @returns {string | undefined} undefined if it can
 */
export function refusalFor({ platform, glibc }) {
  if (platform === 'win32') {
    return 'Kiln does not run on Windows itself. Run it in WSL 2 (`wsl --install`, then clone and start it there), or use the image (`docker compose up`).';
  }
  if (platform === 'linux' && glibc === undefined) {
    return 'Kiln needs a Linux with glibc, and this one has another C library (musl, as on Alpine). Use the image (`docker compose up`), or a Debian or Ubuntu.';
  }
  return undefined;
}

/** @returns {System} */
export function thisSystem() {
  const { platform, report } = process;
  if (platform !== 'linux') return { platform, glibc: undefined };
  // Keeps the report from looking up a host name for each open socket.
  Object.assign(report, { excludeNetwork: true });
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (report.getReport());
  return { platform, glibc: header.glibcVersionRuntime };
}
