/** @file For `node --require`: leaves the most memory that a process has had, in bytes, in the file that PEAK_FILE names. */

const { writeFileSync } = require('node:fs');

process.on('exit', () => {
  const { PEAK_FILE } = process.env;
  if (PEAK_FILE) writeFileSync(PEAK_FILE, String(1024 * process.resourceUsage().maxRSS));
});
