// Plays /v/master.m3u8 and tells the server, twice a second, what the player does: the terminal prints its errors.
"use strict";
const wanted = new URLSearchParams(location.search);
const video = document.getElementById("video");
const errors = [];
const warnings = [];
let hls = null;

function failed(text) {
  errors.push(text);
  const line = document.createElement("li");
  line.textContent = text;
  document.getElementById("errors").append(line);
}

function levelName(level) {
  return `${level.width}x${level.height}, ${Math.round(level.bitrate / 1000)} kbit/s`;
}

function state() {
  const quality = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : {};
  const level = hls && hls.levels[hls.currentLevel];
  return {
    currentTime: video.currentTime,
    duration: Number.isFinite(video.duration) ? video.duration : null,
    readyState: video.readyState,
    paused: video.paused,
    ended: video.ended,
    width: video.videoWidth,
    height: video.videoHeight,
    frames: quality.totalVideoFrames ?? null,
    dropped: quality.droppedVideoFrames ?? null,
    audioBytes: video.webkitAudioDecodedByteCount ?? null,
    level: level ? levelName(level) : null,
    levels: hls ? hls.levels.map(levelName) : [],
    audioTracks: hls ? hls.audioTracks.map((track) => track.name) : [],
    native: hls === null,
    errors,
    warnings,
  };
}

async function report() {
  const now = state();
  document.getElementById("state").textContent = now.level ?? "";
  try {
    await fetch("state", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(now) });
  } catch {
    // The command was stopped; the page may stay open and play what it has.
  }
}

function choices() {
  const korean = navigator.language.startsWith("ko");
  document.getElementById("quality").textContent = korean ? "화질" : "Quality";
  const select = document.getElementById("levels");
  select.add(new Option(korean ? "자동" : "automatic", "-1"));
  hls.levels.forEach((level, index) => select.add(new Option(levelName(level), String(index))));
  select.onchange = () => { hls.currentLevel = Number(select.value); };
  if (wanted.has("level")) {
    select.value = wanted.get("level");
    hls.currentLevel = Number(wanted.get("level"));
  }
}

function start() {
  if (wanted.has("autoplay")) {
    video.muted = true;
    video.playbackRate = Number(wanted.get("rate") ?? 1);
    video.play().catch((error) => failed(`play: ${error.message}`));
  }
}

async function main() {
  const info = await (await fetch("info.json")).json();
  document.title = info.title;
  document.getElementById("title").textContent = info.title;
  document.getElementById("facts").textContent = info.facts;
  video.onerror = () => failed(`video: ${video.error ? video.error.message || video.error.code : "unknown"}`);
  if (Hls.isSupported()) {
    hls = new Hls({ debug: wanted.has("debug") });
    hls.on(Hls.Events.ERROR, (_name, data) => {
      const text = `hls.js: ${data.type} ${data.details}${data.fatal ? " (fatal)" : ""} ${data.url ?? data.frag?.url ?? ""}`;
      // What hls.js mends by itself (it steps over the first milliseconds, it appends again) is no fault of the video.
      if (data.fatal || !data.details.startsWith("buffer")) failed(text);
      else warnings.push(text);
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => { choices(); start(); });
    hls.loadSource("v/master.m3u8");
    hls.attachMedia(video);
  } else {
    video.src = "v/master.m3u8";
    start();
  }
  setInterval(report, 500);
}

main().catch((error) => failed(`page: ${error.message}`));
