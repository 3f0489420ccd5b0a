import { KernelLabError } from './errors.js';
import { fetchKernel, kernelNames, parseKernelName } from './kernels.js';

/** `node dist/test/kernels/fetch.js [kernel…]`: fetches the kernels named, or all, newest builds of each. */
try {
  const names = process.argv.slice(2);
  for (const name of names.length > 0 ? names.map(parseKernelName) : kernelNames) fetchKernel(name);
} catch (error) {
  if (!(error instanceof KernelLabError)) throw error;
  console.error(`kernels: ${error.message}`);
  process.exitCode = 1;
}
