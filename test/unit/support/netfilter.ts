/** A kernel's netfilter without a kernel: replies and errors as the addon gives them. */
import { readFileSync } from 'node:fs';
import type { NativeBinding } from '../../../src/native/binding.js';
import { nativeError } from './kernel-that-refuses.js';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(`test/fixtures/system/${name}.netlink`));

const replies = new Map([
  [1, fixture('nft-tables')],
  [4, fixture('nft-chains')],
  [16, fixture('nft-generation')],
]);

/** Answers what nf_tables is asked, by message number. */
export function nftReply(request: Uint8Array): Uint8Array {
  const type = new DataView(request.buffer, request.byteOffset).getUint16(4, true);
  const reply = type >> 8 === 10 ? replies.get(type & 0xff) : undefined;
  if (!reply) throw new Error(`no reply to message ${type}`);
  return reply;
}

/** A binding with the namespace of the fixtures; `files` are what /proc/thread-self/net has. */
export function netfilterMachine(
  files: Readonly<Record<string, string | 'EACCES'>> = {},
): Pick<NativeBinding, 'netlink' | 'readFile' | 'btfFunction'> {
  return {
    netlink: (_netns, _protocol, request) => nftReply(request),
    readFile: (_netns, path) => {
      const content = files[path.replace('/proc/thread-self/net/', '')];
      if (content === undefined) throw nativeError(`read ${path}`, 'ENOENT');
      if (content === 'EACCES') throw nativeError(`read ${path}`, 'EACCES');
      return new TextEncoder().encode(content);
    },
    btfFunction: (name) => (name === 'nf_tables_getgen' ? [] : null),
  };
}
