// Media Source Extensions fed with the endless fragmented MP4: small delay, bounded buffer, always near the live edge.

const NEAR = 0.8; // seconds behind the newest data that a healthy line needs
const FARTHEST = 3; // ... and the most that stalls may raise it to
const LOST = 4; // further behind than this is not caught up by speed, but jumped
const KEEP = 10; // seconds kept behind the picture
const CALM = 120; // seconds without a stall after which the delay is lowered again
const LARGEST = 1 << 20; // bytes read in search of the init segment

/** The browser's class: ManagedMediaSource is what iPhones have. */
export const Source = globalThis.MediaSource ?? globalThis.ManagedMediaSource;

const ascii = (bytes) => String.fromCharCode(...bytes);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Length of the init segment (up to the end of `moov`) at the start of `bytes`; 0 while it is not complete. Pure. */
export function initLength(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > LARGEST) throw new Error("not a fragmented MP4");
    const end = at + size;
    if (ascii(bytes.subarray(at + 4, at + 8)) === "moov") return end <= bytes.length ? end : 0;
    at = end;
  }
  return 0;
}

/** RFC 6381 names of the tracks, by the configuration boxes that stand in an init segment. Pure. */
export function codecs(init) {
  const text = Array.from(init, (byte) => String.fromCharCode(byte)).join("");
  return Object.keys(NAMES).flatMap((box) => {
    const at = text.indexOf(box);
    return at < 0 ? [] : [NAMES[box](init.subarray(at + 4))];
  });
}

const NAMES = { avcC: (c) => `avc1.${hex(c.subarray(1, 4))}`, hvcC: hevc, esds: aac, dOps: () => "opus", dac3: () => "ac-3", dec3: () => "ec-3" };

// ISO/IEC 14496-15 annex E: profile, its compatibility flags in reversed bit order, tier and level, constraints
function hevc(c) {
  const flags = Array.from(c.subarray(2, 6), (byte) => byte.toString(2).padStart(8, "0")).join("");
  const reversed = parseInt([...flags].reverse().join(""), 2).toString(16);
  const constraints = hex(c.subarray(6, 12)).replace(/(00)+$/, "").match(/../g) ?? [];
  return [`hvc1.${["", "A", "B", "C"][c[1] >> 6]}${c[1] & 31}`, reversed, (c[1] & 32 ? "H" : "L") + c[12], ...constraints].join(".");
}

// ISO/IEC 14496-1: ES descriptor (3 bytes of its own), in it the decoder's (13 bytes), in it its configuration
function aac(c) {
  const decoder = content(c, content(c, 4) + 3);
  return c[decoder] === 0x40 ? `mp4a.40.${c[content(c, decoder + 13)] >> 3}` : `mp4a.${hex([c[decoder]])}`;
}

/** Where the content of the descriptor at `at` begins: its length takes one to four bytes. */
function content(bytes, at) {
  do at += 1;
  while (bytes[at] & 128);
  return at + 1;
}

/**
 * What to do about the place `at` in the buffered `ranges` ([start, end] in order), wanting to be `target` behind the
 * end: {seek} to a second, or {rate} to play at; more than `lost` behind is jumped. Pure.
 */
export function steer(at, ranges, target, rate, lost = LOST) {
  const [start, end] = ranges[ranges.length - 1];
  const edge = Math.max(start, end - target);
  const lag = end - at;
  if (lag > lost || lag < -0.5) return { seek: edge };
  const here = ranges.some(([from, to]) => at >= from - 0.1 && at < to - 0.1);
  if (!here && at < start) return { seek: edge }; // a hole: what was missed will not come
  if (lag > target + 0.6) return { rate: 1.08 };
  return { rate: lag < target + 0.1 ? 1 : rate };
}

/** The server's refusal: its status, and the seconds after which it may be asked again. */
export function refusal(answer) {
  return Object.assign(new Error(), { status: answer.status, after: Number(answer.headers.get("Retry-After")) || 0 });
}

/** Reads `url` into `video` until stopped; `failed(error)` is called when it cannot go on. */
export class Feeder {
  target = NEAR;
  stalled = 0;

  constructor(video, url, headers, failed) {
    Object.assign(this, { video, url, headers, failed });
    video.addEventListener("waiting", () => (this.hungry = !video.seeking));
  }

  start() {
    this.stop();
    const stopper = (this.stopper = new AbortController());
    this.read(stopper.signal).catch((error) => stopper.signal.aborted || this.failed(error));
  }

  stop() {
    this.stopper?.abort();
    this.placed = false;
  }

  // One append at a time: the network waits for the buffer, so nothing piles up here.
  async read(signal) {
    const answer = await fetch(this.url, { headers: this.headers, signal, cache: "no-store" });
    if (!answer.ok) throw refusal(answer);
    const reader = answer.body.getReader();
    await this.begin(reader, signal);
    for (;;) await this.append(await next(reader), signal);
  }

  async begin(reader, signal) {
    let head = new Uint8Array(0);
    let length = 0;
    while (!(length = initLength(head))) head = joined(head, await next(reader));
    await this.prepare(codecs(head.subarray(0, length)), signal);
    await this.append(head, signal);
  }

  // The last picture stays while a new connection begins. It may be on another timeline: the old one is forgotten.
  async prepare(names, signal) {
    const mime = `video/mp4; codecs="${names.join(",")}"`;
    if (!Source.isTypeSupported(mime)) throw Object.assign(new Error(mime), { unsupported: 3 });
    if (this.source?.readyState !== "open" || this.video.error || this.mime !== mime) return this.open(mime);
    if (this.buffer.updating) await this.done(() => {});
    signal.throwIfAborted();
    this.buffer.abort();
    await this.done(() => this.buffer.remove(0, Infinity));
  }

  async open(mime) {
    this.source = new Source();
    this.mime = mime;
    this.video.disableRemotePlayback = true; // a condition of ManagedMediaSource
    const opened = new Promise((resolve) => this.source.addEventListener("sourceopen", resolve, { once: true }));
    this.video.src = URL.createObjectURL(this.source);
    await opened;
    URL.revokeObjectURL(this.video.src);
    this.buffer = this.source.addSourceBuffer(mime);
  }

  async append(data, signal) {
    signal.throwIfAborted();
    try {
      await this.done(() => this.buffer.appendBuffer(data));
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      await this.done(() => this.buffer.remove(0, Math.max(0.1, this.video.currentTime - 1)));
      await this.done(() => this.buffer.appendBuffer(data));
    }
    signal.throwIfAborted();
    this.place();
    const old = this.video.currentTime - KEEP;
    if (this.ranges()[0]?.[0] < old - KEEP) await this.done(() => this.buffer.remove(0, old));
  }

  done(act) {
    return new Promise((resolve, reject) => {
      this.buffer.onupdateend = resolve;
      this.buffer.onerror = () => reject(new Error("refused by the decoder"));
      act();
    });
  }

  ranges() {
    const { buffered } = this.buffer;
    return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
  }

  place() {
    const ranges = this.ranges();
    if (!ranges.length) return;
    const [start, end] = ranges[ranges.length - 1];
    const age = performance.now() - this.sought;
    // a seek into a hole that a long frame covers never ends: once more, nearer to the end
    if (this.placed && this.video.seeking && age < 1000) return;
    if (this.placed && !this.video.seeking) return this.turn(ranges, age < 1500 && this.fresh);
    if (end - start < 0.4) return;
    this.fresh = !this.placed; // the burst at the start comes in several pieces: settle at its end
    this.placed = true;
    this.seek(Math.max(start, end - this.target));
  }

  turn(ranges, settling) {
    const lost = settling ? this.target + 0.6 : LOST;
    const { seek, rate } = steer(this.video.currentTime, ranges, this.target, this.video.playbackRate, lost);
    if (seek !== undefined) this.seek(seek);
    else {
      if (this.hungry) this.slow();
      if (rate !== this.video.playbackRate) this.video.playbackRate = rate;
    }
    this.hungry = false;
  }

  seek(to) {
    this.sought = performance.now();
    this.hungry = false;
    this.video.currentTime = to;
  }

  // The data stopped and went on without a hole, so it was the line: each time asks for a little more reserve.
  slow() {
    this.target = Math.min(FARTHEST, this.target + 0.4);
    this.stalled = performance.now();
  }

  // Calm gives it back.
  tick() {
    if (performance.now() - this.stalled < CALM * 1000) return;
    this.target = Math.max(NEAR, this.target - 0.2);
    this.stalled = performance.now();
  }

  /** After a pause or a sleeping tab. */
  live() {
    if (this.placed) this.place();
  }
}

async function next(reader) {
  const { done, value } = await reader.read();
  if (done) throw new Error("ended");
  return value;
}

function joined(left, right) {
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
