// edge's tracker: counts page views, outlinks, downloads, events and goals of a site, over Matomo's wire format.
//
//   <script defer src="https://edge.example/hit.js" data-site="1"></script>
//
// It sets no cookie and stores nothing. Whoever opted out by /optout.js or Matomo's opt-out, and whoever's browser says
// Do Not Track or Global Privacy Control, sends nothing at all. Statements of 2018 (no ?. or ??), so that an old browser
// can read it. What is served is shorter: see `squeeze` in edge/hits/scripts.py, which also knows the local names here.
(() => {
  const { dataset, src } = document.currentScript;
  const to = new URL(dataset.endpoint || "matomo.php", src);
  // Of the page that was counted last; none before the first.
  let path;

  const send = (fields) => {
    // Asked for every hit: the choice may be made while the page is open. Where storage is forbidden, reading it throws.
    try {
      if (
        navigator.doNotTrack == 1 ||
        navigator.globalPrivacyControl ||
        /mtm_consent_removed|matomo_ignore/.test(document.cookie) ||
        localStorage.edge_optout
      )
        return;
    } catch {}
    // The page's address goes without its fragment. Its query goes whole: which parameters are kept, the server knows
    // (`query_allow`), and it drops the others before anything is kept. JSON leaves out what is undefined.
    const body = new URLSearchParams(
      JSON.parse(
        JSON.stringify({ idsite: dataset.site, rec: 1, send_image: 0, url: location.href.split("#")[0], ...fields }),
      ),
    );
    // With cookies, as sendBeacon does, for the sake of the choice that was made on edge's own /optout.
    (navigator.sendBeacon && navigator.sendBeacon(to, body)) ||
      fetch(to, { method: "POST", body, credentials: "include", keepalive: true }).catch(
        () => (new Image().src = to + "?" + body),
      );
  };

  // Counts the page that is shown, once: when it has loaded, or (`event`) when it is left before it has. Another path is
  // another page, another query or fragment is not. A page that the browser prepares for a visit that may never come is
  // not a view yet. With the first go the referrer and the milliseconds of each part of the loading, as Matomo cuts it.
  // PerformanceTiming is old, but every browser has it, and in whole numbers (zeros where fingerprinting is resisted).
  const view = (event) => {
    const { timing } = performance;
    if (path == location.pathname || document.prerendering || !(event || document.readyState == "complete")) return;
    send({
      action_name: dataset.titles && document.title,
      res: screen.width + "x" + screen.height,
      ...(!path && {
        urlref: document.referrer,
        ...(timing.loadEventEnd && {
          pf_net: timing.connectEnd - timing.fetchStart,
          pf_srv: timing.responseStart - timing.requestStart,
          pf_tfr: timing.responseEnd - timing.responseStart,
          pf_dm1: timing.domInteractive - timing.responseEnd,
          pf_dm2: timing.domComplete - timing.domInteractive,
          pf_onl: timing.loadEventEnd - timing.loadEventStart,
        }),
      }),
    });
    path = location.pathname;
  };
  const ready = () => setTimeout(view);
  ready();
  addEventListener("load", ready);
  addEventListener("pagehide", view);
  document.addEventListener("prerenderingchange", ready);

  // Pages that a script shows in place of others.
  addEventListener("popstate", view);
  for (const name of ["pushState", "replaceState"]) {
    const old = history[name];
    history[name] = (...all) => {
      old.apply(history, all);
      view();
    };
  }

  // Of a link to another host only the origin goes, of a download the address without its query.
  const click = ({ button, target }) => {
    const link = target.closest && target.closest("a");
    if (button > 1 || !/^http/.test(link)) return;
    if (
      link.attributes.download ||
      /\.(apk|dmg|exe|gz|iso|mp[34]|msi|od[pst]|pdf|rar|zip|(doc|ppt|xls)x?)$/i.test(link.pathname)
    )
      send({ download: link.origin + link.pathname });
    else if (link.host != location.host) send({ link: link.origin });
  };
  addEventListener("click", click, true);
  addEventListener("auxclick", click, true);

  self.edge = {
    event: (e_c, e_a, e_n, e_v) => send({ e_c, e_a, e_n, e_v }),
    goal: (idgoal, revenue) => send({ idgoal, revenue }),
  };
})();
