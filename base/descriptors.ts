/*
 * How many files the process may have open, shared out: a raw file takes one while it is written, a connection one as long
 * as it lasts.
 */

/** For raw files: most of them; the rest is for sockets, the loader and the libraries. */
export function descriptorBudget(): number {
  return Math.max(16, Math.min(16_384, Math.floor((mostDescriptors() - 64) * 0.8)));
}

/** For connections of the HTTP server: half of that rest. */
export function connectionBudget(): number {
  return Math.max(16, Math.min(1024, Math.floor((mostDescriptors() - 64) * 0.1)));
}

function mostDescriptors(): number {
  const report = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | 'unlimited' } };
  };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
