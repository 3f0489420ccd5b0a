/** A binding whose kernel turns programs down by rule, and remembers what was asked of it. */
import type { NativeBinding, NativeError, NativeSession, ProgramSpec } from '../../../src/native/binding.js';

/** What the kernel is asked for: `load` and `attach` name object or program, target or symbol. */
export interface Asked {
  readonly operation:
    | 'load'
    | 'attach'
    | 'unload'
    | 'try packet socket'
    | 'try netfilter link'
    | 'attach tcx'
    | 'attach cgroup'
    | 'close';
  readonly program?: string;
  readonly target?: string;
  readonly attachId?: number;
}

export function nativeError(operation: string, code: string, log?: string): NativeError {
  const error = new Error(`${operation}: ${code}`);
  return Object.assign(error, { operation, code, errno: 1, ...(log !== undefined && { log }) });
}

/** `refuse` gives the error to throw, or nothing. */
export function kernelThatRefuses(refuse: (asked: Asked) => NativeError | undefined): {
  native: NativeBinding;
  asked: Asked[];
  /** Programs attached and not unloaded, as "attachId target". */
  running: Set<string>;
} {
  const asked: Asked[] = [];
  const running = new Set<string>();
  const nameOf = ({ attachId, target }: Omit<Asked, 'operation'>) => `${attachId} ${target}`;
  const ask = (one: Asked): void => {
    asked.push(one);
    const error = refuse(one);
    if (error) throw error;
  };
  class Session implements Partial<NativeSession> {
    private readonly programs: Omit<Asked, 'operation'>[] = [];
    load({ program, target, constants }: ProgramSpec): number {
      const one = { program, ...(target !== undefined && { target }), attachId: constants.attach_id! };
      ask({ operation: 'load', ...one });
      return this.programs.push(one) - 1;
    }
    attach(program: number): void {
      ask({ operation: 'attach', ...this.programs[program]! });
      running.add(nameOf(this.programs[program]!));
    }
    unload(program: number): void {
      ask({ operation: 'unload', ...this.programs[program]! });
      running.delete(nameOf(this.programs[program]!));
    }
    tryTcx(program: number): void {
      ask({ operation: 'attach tcx', ...this.programs[program]! });
      running.add(nameOf(this.programs[program]!));
    }
    attachCgroup(program: number): void {
      ask({ operation: 'attach cgroup', ...this.programs[program]! });
      running.add(nameOf(this.programs[program]!));
    }
    tryPacketSocket(program: number): void {
      ask({ operation: 'try packet socket', ...this.programs[program]! });
    }
    tryNetfilterLink(program: number): void {
      ask({ operation: 'try netfilter link', ...this.programs[program]! });
    }
    mapSet(): void {}
    close(): void {
      ask({ operation: 'close' });
    }
  }
  return { native: { Session } as unknown as NativeBinding, asked, running };
}
