// Reads playlists separated by NUL from standard input; prints as JSON what hls-parser has against each: null is nothing.
import { readFileSync } from "node:fs";
import HLS from "hls-parser";

HLS.setOptions({ strictMode: true, silent: true });

function verdict(text) {
  try {
    return HLS.parse(text).isMasterPlaylist ? "a master playlist" : null;
  } catch (error) {
    return error.message;
  }
}

console.log(JSON.stringify(readFileSync(0, "utf8").split("\0").map(verdict)));
