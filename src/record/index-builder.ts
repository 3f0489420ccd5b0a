/** The index that closes a recording: where its records lie, in a number of spans that has a bound. */
import type { IndexMessage } from './schema.js';

/** A chunk of records, or some that follow each other. */
export interface IndexedChunk {
  /** Bytes from the beginning of the file to the first one. */
  readonly offset: number;
  readonly events: number;
  /** Of its records, nanoseconds since the beginning of the trace. */
  readonly firstNs: number;
  readonly lastNs: number;
}

/** An even number: they are joined in pairs. */
const spansMax = 1024;

const joined = (a: IndexedChunk, b: IndexedChunk): IndexedChunk => ({
  offset: a.offset,
  events: a.events + b.events,
  firstNs: Math.min(a.firstNs, b.firstNs),
  lastNs: Math.max(a.lastNs, b.lastNs),
});

export class IndexBuilder {
  private spans: IndexedChunk[] = [];
  private chunksPerSpan = 1;
  /** In the last span. */
  private chunks = 0;

  add(chunk: IndexedChunk): void {
    const last = this.spans.at(-1);
    if (last && this.chunks < this.chunksPerSpan) {
      this.spans[this.spans.length - 1] = joined(last, chunk);
      this.chunks += 1;
      return;
    }
    if (this.spans.length === spansMax) this.halve();
    this.spans.push(chunk);
    this.chunks = 1;
  }

  /** Spans twice as long. */
  private halve(): void {
    this.spans = this.spans.flatMap((span, at) => (at % 2 ? [] : [joined(span, this.spans[at + 1]!)]));
    this.chunksPerSpan *= 2;
  }

  /** Both offsets are those of whole chunks: of the summary, and of the index itself. */
  message(bootNs: bigint, summaryOffset: number, offset: number): IndexMessage {
    const spans = this.spans.map((span) => ({
      ...{ offset: String(span.offset), events: String(span.events) },
      firstNs: String(bootNs + BigInt(span.firstNs)),
      lastNs: String(bootNs + BigInt(span.lastNs)),
    }));
    return { spans, summaryOffset: String(summaryOffset), offset: String(offset) };
  }
}
