// Fetches the page again and puts its new state in place, so that nothing flickers and no place is lost.
"use strict";
const EVERY = 3000; // ms
const gone = document.getElementById("gone");

async function again() {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.status === 401) return location.reload(); // the token was revoked
      if (answer.ok) show(await answer.text());
      gone.hidden = answer.ok;
    } catch {
      gone.hidden = false;
    }
  }
  setTimeout(again, EVERY);
}

function show(text) {
  const main = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  if (main) document.querySelector("main").replaceWith(main);
}

setTimeout(again, EVERY);
