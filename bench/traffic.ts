/** The benchmark's own traffic: two namespaces, nothing on the wire but what is sent on purpose. */
export { createQuietWorld, type QuietWorld } from '../test/support/quiet.js';
export { toolPath as toolPathOf } from '../test/support/world.js';
