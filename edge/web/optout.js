// A site's own opt-out from the counting of hit.js (and of a matomo.js that reports to edge), for a page of that site:
//
//   <div id="edge-optout"></div>
//   <script defer src="https://edge.example/optout.js"></script>
//
// data-id: another element than #edge-optout · data-lang: "en" or "fr", whatever the page says ·
// data-domain="example.org": for the subdomains too.
// The choice is kept in this browser alone: in the site's localStorage for hit.js, and in Matomo's first-party cookie
// mtm_consent_removed, which matomo.js reads and which holds for subdomains. Nothing is sent anywhere. The texts are
// put in by edge/hits/scripts.py, from optout.json.
(() => {
  const texts = "$texts";
  const { dataset } = document.currentScript;
  const place = document.getElementById(dataset.id || "edge-optout");
  const chosen = [dataset.lang, document.documentElement.lang, ...(navigator.languages || [])];
  const lang = chosen.map((tag) => (tag || "").slice(0, 2).toLowerCase()).find((tag) => texts[tag]) || "en";
  const words = texts[lang];
  const signal = navigator.doNotTrack == 1 || navigator.globalPrivacyControl;

  // Where a browser forbids storage, reading and writing it throws.
  const careful = (work) => {
    try {
      return work();
    } catch {}
  };
  const isOut = () =>
    !!careful(() => localStorage.edge_optout) ||
    !!careful(() => /mtm_consent_removed|matomo_ignore/.test(document.cookie));

  const cookie = (name, seconds, domain) => {
    const more = [domain && "domain=" + domain, location.protocol == "https:" && "Secure"].filter(Boolean);
    const parts = [name + "=1", "path=/", "max-age=" + seconds, "SameSite=Lax", ...more];
    careful(() => (document.cookie = parts.join("; ")));
  };
  const leave = () => {
    careful(() => (localStorage.edge_optout = 1));
    cookie("mtm_consent_removed", 34560000, dataset.domain);
  };
  const join = () => {
    careful(() => localStorage.removeItem("edge_optout"));
    for (const name of ["mtm_consent_removed", "matomo_ignore"])
      for (const domain of [undefined, dataset.domain]) cookie(name, 0, domain);
  };

  const add = (tag, text) => {
    const made = place.appendChild(document.createElement(tag));
    made.textContent = text || "";
    return made;
  };
  place.lang = lang;
  add("p", words.what);
  const state = add("p");
  state.setAttribute("role", "status");
  const button = add("button");
  button.type = "button";
  add("p", words.kept);

  const show = (refused) => {
    const out = isOut();
    state.textContent = signal ? words.signal : words[out ? "out" : "in"] + (refused ? " " + words.refused : "");
    button.textContent = words[out ? "join" : "leave"];
    button.hidden = !!signal;
    place.dataset.state = signal ? "signal" : out ? "out" : "in";
  };
  button.onclick = () => {
    const before = isOut();
    before ? join() : leave();
    show(isOut() == before);
  };
  show();
})();
