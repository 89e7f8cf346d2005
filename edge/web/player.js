// The player page: chooses how to play, keeps it playing, says in words what is going on.

import { Feeder, Source, refusal } from "./mse.js";

const HLS = "application/vnd.apple.mpegurl";
const LISTED = 3; // segments that Chromium wants
const SURE = 3; // refusals by the browser, not the server, after which the next way is taken
const PATIENCE = { hls: 8, mse: 6, mp4: 8 }; // seconds without progress on a live channel before starting anew
// What a viewer sees of a lowered channel, by rung of the ladder; the others look as ever.
const LOWERED = {
  "skip-b": "motion", "fps-10": "motion", "fps-7.5": "motion", "gop-half": "stills", "gop-quarter": "stills",
  key: "stills", audio: "sound", "audio-copy": "sound", copy: "source",
};
const $ = (id) => document.getElementById(id);
const page = document.body.dataset;
const texts = JSON.parse(page.texts);
const query = new URLSearchParams(location.search);
const video = $("video");
const now = () => performance.now() / 1000;

/** Seconds until the next try: 1 to 10, spread so that many viewers do not come back at once. */
const backoff = (failures) => Math.max(1, Math.min(10, 2 ** (failures - 1)) * (0.6 + 0.4 * Math.random()));

/** Seconds from the picture to the end of `ranges`. */
const behind = (ranges) => (ranges.length ? ranges.end(ranges.length - 1) - video.currentTime : 0);

/** Whether the playlist lists enough, or is none. */
async function listed(url, signal) {
  const answer = await fetch(url, { signal, cache: "no-store" });
  if (!answer.ok) throw refusal(answer);
  player.since = now();
  const text = await answer.text();
  return !text.startsWith("#EXTM3U") || text.split("#EXTINF:").length > LISTED;
}

/** `video.src`, for HLS and for the plain file. The browser does the rest, or says `error`. */
class Direct {
  constructor(url, file) {
    Object.assign(this, { url, file });
  }

  async start() {
    this.stopper?.abort();
    const { signal } = (this.stopper = new AbortController());
    try {
      for (let n = 20; !this.file && n && !(await listed(this.url, signal)); n -= 1)
        await new Promise((go) => setTimeout(go, 1000));
    } catch (error) {
      return signal.aborted || player.fail(error);
    }
    video.src = this.url;
    if (player.wanted) player.play();
  }

  stop() {
    this.stopper?.abort();
    video.removeAttribute("src");
    video.load();
  }

  tick() {
    if (this.file && behind(video.buffered) > 6) this.start(); // an endless file cannot be sought
  }

  live() {
    const lag = behind(video.seekable);
    if (lag > 20 && lag < Infinity) video.currentTime += lag - 8;
  }
}

class Player {
  state = { status: "starting" };
  wanted = true; // what the viewer wants; the browser may pause for its own reasons
  failures = 0;
  refused = 0; // how sure it is that the browser cannot play this way
  moved = -Infinity; // when the picture last went on
  since = now(); // when it was last given a chance to
  at = 0;

  headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  // ---- the channel's state

  async poll() {
    clearTimeout(this.poller);
    try {
      const answer = await fetch(`/live/${page.name}/state`, { headers: this.headers(), cache: "no-store" });
      if (answer.ok) this.learn(await answer.json());
      else this.deny(answer.status);
    } catch {
      this.state = { ...this.state, status: "gone" };
    }
    this.show();
    if (this.state.status !== "private") this.poller = setTimeout(() => this.poll(), document.hidden ? 10000 : 3000);
  }

  learn(state) {
    if (state.status === "live" && this.state.status !== "live") this.since = now();
    this.state = state;
    $("token").hidden = true;
    this.fit();
    this.poster();
    this.modes ??= this.possible();
    if (!this.way) this.start();
  }

  deny(status) {
    if (status === 401 || status === 403) return this.ask();
    this.state = { status: status === 404 ? "missing" : "gone" };
  }

  // A private channel: the token lives in this page's memory and nowhere else.
  ask() {
    this.stop();
    $("wrong").hidden = !this.token;
    this.token = undefined;
    this.state = { status: "private" };
    $("token").hidden = false;
  }

  // ---- how to play

  possible() {
    const { urls, public: open } = this.state;
    const can = { hls: urls.hls && open && video.canPlayType(HLS), mse: urls.mp4 && Source, mp4: urls.mp4 && open };
    const forced = query.get("mode");
    return forced in can ? [forced] : Object.keys(can).filter((mode) => can[mode]);
  }

  start() {
    const mode = this.modes[0];
    page.mode = mode ?? "";
    this.retry = undefined;
    this.since = now();
    if (!mode) return this.fail({ unsupported: SURE });
    const { urls } = this.state;
    if (mode === "mse") this.way ??= new Feeder(video, urls.mp4, this.headers(), (error) => this.fail(error));
    else this.way ??= new Direct(urls[mode], mode === "mp4");
    this.way.start();
    if (mode === "mse") this.play();
  }

  stop() {
    this.way?.stop();
    this.way = undefined;
    this.retry = undefined;
  }

  fail({ status, after = 0, unsupported = 0 }) {
    if (status === 401 || status === 403) return this.ask();
    this.failures += 1;
    if (this.state.status === "live") this.refused += unsupported;
    if (this.refused >= SURE && this.modes.length > 1) this.next();
    this.trouble = this.refused >= SURE ? "unsupported" : status === 503 ? "full" : "";
    this.retry = now() + Math.max(Math.min(after, 60), backoff(this.failures));
  }

  next() {
    this.stop();
    this.modes.shift();
    this.refused = 0;
  }

  async play() {
    try {
      await video.play();
    } catch (error) {
      if (error.name === "NotAllowedError") await this.quietly();
    }
    this.buttons();
  }

  // Browsers let a page start without a click only when it makes no sound.
  async quietly() {
    if (video.muted) return this.pause();
    video.muted = true;
    $("sound").hidden = false;
    await this.play();
  }

  pause() {
    this.wanted = false;
    video.pause();
    if (this.way instanceof Feeder) this.way.stop(); // no traffic for a picture that stands still
    this.buttons();
  }

  resume() {
    this.wanted = true;
    if (this.way instanceof Feeder || page.mode === "mp4") this.start();
    else this.way?.live();
    this.play();
  }

  // ---- keeping it going

  tick() {
    const step = video.currentTime - this.at;
    this.at = video.currentTime;
    if (step > 0.02 && !video.seeking) this.progress();
    this.way?.tick();
    if (this.wanted && this.way) this.revive();
    this.show();
  }

  progress() {
    this.moved = now();
    this.refused = 0;
    this.trouble = "";
    if (now() - this.since > 10) this.failures = 0;
  }

  revive() {
    const ready = this.state.status === "live" || this.state.status === "starting" || this.state.status === "off";
    if (this.retry !== undefined) {
      if (ready && now() >= this.retry) this.start();
    } else if (ready && !document.hidden && now() - Math.max(this.moved, this.since) > PATIENCE[page.mode]) this.fail({});
    else if (video.paused && video.readyState > 2) this.play();
  }

  wake() {
    if (document.hidden) return;
    this.since = now();
    if (this.wanted) this.way?.live();
    this.poll();
  }

  // ---- what is seen

  show() {
    const { status } = this.state;
    const moving = now() - this.moved < 1.5;
    page.status = status;
    page.playing = moving;
    page.rung = this.state.rung ?? "";
    $("state").textContent = texts[(status === "live" && this.state.lowered && LOWERED[page.rung]) || status];
    $("poster").hidden = !$("poster").src || (video.readyState > 1 && this.moved > 0);
    $("words").textContent = moving || !this.wanted || status === "private" ? "" : this.words();
  }

  words() {
    const { status } = this.state;
    if (status !== "live") return texts[status === "off" ? "starting" : status];
    return texts[this.trouble || (this.moved > 0 ? "again" : "starting")];
  }

  // The picture's shape: where the browser ignores the sample aspect ratio, the page applies it.
  fit() {
    const { width, height, sar = 1 } = this.state;
    const own = video.videoWidth / video.videoHeight;
    const coded = video.videoWidth === width && video.videoHeight === height;
    const shape = own && !coded ? own : (width * sar) / height;
    if (shape > 0) $("stage").style.setProperty("--shape", shape.toFixed(4));
  }

  async poster() {
    if (!this.state.urls.jpg || this.moved > now() - 10 || this.pictured > now() - 10) return;
    this.pictured = now();
    const answer = await fetch(this.state.urls.jpg, { headers: this.headers() }).catch(() => ({}));
    if (!answer.ok) return;
    URL.revokeObjectURL($("poster").src);
    $("poster").src = URL.createObjectURL(await answer.blob());
  }

  buttons() {
    label("play", video.paused ? "play" : "pause", video.paused);
    label("mute", video.muted ? "unmute" : "mute", video.muted);
    if (!video.muted) $("sound").hidden = true;
  }
}

function label(id, word, off) {
  $(id).title = texts[word];
  $(id).setAttribute("aria-label", texts[word]);
  $(id).classList.toggle("off", off);
}

// The stage goes full screen, not the video, so that shape and words stay ours; iPhones can only do the video.
function full() {
  const stage = $("stage");
  if (document.fullscreenElement) document.exitFullscreen();
  else if (stage.requestFullscreen) stage.requestFullscreen();
  else video.webkitEnterFullscreen?.();
}

/** Without HTTPS there is no clipboard interface: the old command does it. */
function copy(button) {
  const field = button.parentElement.querySelector("input");
  field.select();
  document.execCommand("copy");
  button.textContent = texts.copied;
  setTimeout(() => (button.textContent = texts.copy), 2000);
}

function addresses() {
  for (const field of document.querySelectorAll("input[data-path]")) field.value = location.origin + field.dataset.path;
  const frame = `${location.origin}/live/${page.name}?embed`;
  $("frame").value = `<iframe src="${frame}" width="640" height="360" allow="autoplay; fullscreen"></iframe>`;
  for (const button of document.querySelectorAll(".copy")) button.onclick = () => copy(button);
}

function keys(player, event) {
  if (event.target.closest("input, button, a, summary") || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = { " ": toggle, k: toggle, m: sound, f: full }[event.key];
  if (act) event.preventDefault();
  act?.(player);
}

const toggle = (player) => (player.wanted && !video.paused ? player.pause() : player.resume());

function sound(player) {
  video.muted = !video.muted;
  player.buttons();
}

function submit(player, event) {
  event.preventDefault();
  player.token = $("secret").value.trim();
  $("secret").value = "";
  player.poll();
}

function wire(player) {
  $("play").onclick = () => toggle(player);
  $("mute").onclick = $("sound").onclick = () => sound(player);
  $("full").onclick = full;
  $("token").onsubmit = (event) => submit(player, event);
  video.onseeked = () => (player.at = video.currentTime); // a jump is no progress
  video.onresize = () => player.fit();
  video.onplay = video.onpause = video.onvolumechange = () => player.buttons();
  video.onended = () => player.way && player.fail({});
  video.onerror = () => player.way && player.fail({ unsupported: Number(video.error?.code > 2) });
  document.onkeydown = (event) => keys(player, event);
  document.onvisibilitychange = () => player.wake();
  navigator.mediaSession?.setActionHandler("pause", () => player.pause());
  navigator.mediaSession?.setActionHandler("play", () => player.resume());
}

const player = new Player();
$("stage").hidden = false;
if (page.kind === "page") addresses();
wire(player);
player.buttons();
player.poll();
setInterval(() => player.tick(), 500);
