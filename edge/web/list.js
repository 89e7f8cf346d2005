// The list of channels: each one's state and a fresh picture every ten seconds while the page is looked at.

const texts = JSON.parse(document.body.dataset.texts);

async function refresh(item) {
  const answer = await fetch(`/live/${item.dataset.name}/state`, { cache: "no-store" }).catch(() => ({}));
  const state = answer.ok ? await answer.json() : { status: "gone", urls: {} };
  item.dataset.status = state.status;
  item.querySelector(".state").textContent = texts[state.status];
  const picture = item.querySelector("img");
  if (state.width) picture.style.aspectRatio = (state.width * state.sar) / state.height;
  if (state.urls.jpg) picture.src = `${state.urls.jpg}?${Date.now()}`;
}

function all() {
  if (!document.hidden) for (const item of document.querySelectorAll(".channels li[data-name]")) refresh(item);
}

all();
setInterval(all, 10000);
document.onvisibilitychange = all;
